// A study with repeats and final runs, as a user sees it.
#include <gmock/gmock.h>

#include "src/base/file.h"
#include "src/base/str_cat.h"
#include "tests/cli/folders.h"

namespace vizsla {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Three configurations twice: means 0.5, 0.75 and 0.25; then the second one on two fresh seeds.
class RepeatsFolder : public EmptyFolder {
 protected:
  void SetUp() override {
    EmptyFolder::SetUp();
    const auto database = OpenDatabase::Open(path());
    database->CreateStudy("dogs", "repeats: 2\nfinal: {top: 1, repeats: 2}\n");
    const WorkerId worker = database->Register();
    for (const double accuracy : {0.9, 0.1, 0.7, 0.8, 0.25, 0.25, 0.625, 0.375}) {
      const LeaseGrant lease = database->Acquire(worker);
      database->Report(lease, 1, accuracy);
      database->Complete(lease, AttemptOutcome::kCompleted, "");
    }
  }
};

TEST_F(RepeatsFolder, LeaderboardShowsConfigurations) {
  const ProgramResult result = Run("leaderboard");
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("8 trials: 8 completed"));
  EXPECT_THAT(result.output, HasSubstr("final val_accuracy"));
  // 12.706 * 0.17678 / sqrt(2), and 12.706 * 0.05.
  EXPECT_THAT(result.output,
              AllOf(HasSubstr("0.5000 ± 1.5883 (2)"), HasSubstr("0.7500 ± 0.6353 (2)"),
                    HasSubstr("0.2500 ± 0.0000 (2)")));
  const nlohmann::json rows = ParseOutput(Run("leaderboard --json"));
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0]["trial"], 7) << "of the final runs the better one";
  EXPECT_EQ(rows[0]["repeat_of"], 3);
  EXPECT_EQ(rows[0]["final_runs"]["trials"], nlohmann::json({7, 8}));
  EXPECT_EQ(rows[0]["final_runs"]["mean"], 0.5);
  EXPECT_EQ(rows[0]["search_runs"]["mean"], 0.75);
  EXPECT_EQ(rows[1]["trial"], 1);
  EXPECT_EQ(rows[1]["search_runs"]["trials"], nlohmann::json({1, 2}));
  EXPECT_EQ(rows[1]["final_runs"], nullptr);
  EXPECT_THAT(Run("leaderboard --top 1").output, HasSubstr("... and 2 more"));
}

TEST_F(RepeatsFolder, TrialNamesTheOtherRuns) {
  EXPECT_THAT(Run("trial 4").output,
              HasSubstr("repeat of trial 3; runs of this configuration: 3, 4, 7, 8"));
  EXPECT_THAT(Run("trial best").output,
              AllOf(HasSubstr("Trial 7 of dogs"), HasSubstr("final run of trial 3")));
}

TEST_F(RepeatsFolder, JsonFollowsTheSchemas) {
  if (!HasJsonSchema()) GTEST_SKIP() << "python3-jsonschema is not installed";
  ExpectValid(Run("leaderboard --json").output, "leaderboard");
  ExpectValid(Run("trial 8 --json").output, "trial");
}

TEST_F(RepeatsFolder, PullTakesTheBestConfigurationsBestRun) {
  const ProgramResult result = Run("pull -o best");
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  ASSERT_EQ(Run("pull --trial 7 -o seventh").exit_code, 0);
  EXPECT_EQ(*ReadFile(path() + "/best/model.safetensors"),
            *ReadFile(path() + "/seventh/model.safetensors"));
}

TEST_F(RepeatsFolder, ReportShowsMeans) {
  const ProgramResult result = Run("report -o page");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(*ReadFile(path() + "/page/index.html"),
              AllOf(HasSubstr("final val_accuracy"), HasSubstr("0.7500 ± 0.6353 (2)"),
                    HasSubstr("configurations tried")));
}

}  // namespace
}  // namespace vizsla
