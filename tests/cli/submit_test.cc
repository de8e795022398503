#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "src/base/file.h"
#include "src/base/str_cat.h"
#include "tests/cli/program.h"

namespace vizsla {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class SubmitTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_.emplace(*TemporaryDirectory::Create());
    // Enough to be indexed: it starts as a JPEG does. Nothing decodes it here.
    for (const char* name : {"beagle", "pug"}) {
      std::filesystem::create_directories(path() + "/photos/" + name);
      for (int i = 0; i < 20; ++i) {
        std::ofstream(StrCat(path(), "/photos/", name, "/", i, ".jpg"))
            << "\xFF\xD8\xFF\xE0 photo " << name << i;
      }
    }
    WriteSpace(
        "network: scratch_v1\n  image_size: 48\n  learning_rate: {float: [1.0e-4, 1.0e-2], log: "
        "true}\n");
  }
  const std::string& path() const { return folder_->path(); }
  ProgramResult Run(const std::string& arguments) { return RunVizsla(path(), arguments); }
  // As stored: an active study's clock runs on while nobody looks.
  nlohmann::json Studies() {
    nlohmann::json studies = ParseOutput(Run("studies --json"));
    for (nlohmann::json& study : studies) study.erase("active_seconds");
    return studies;
  }
  void WriteSpace(const std::string& parameters) {
    std::ofstream(path() + "/space.yaml") << "name: small\nbudget: {trials: 4, epochs: 2}\nsplit: "
                                             "{test: 0.2, validation: 0.2}\nparameters:\n  "
                                          << parameters;
  }
  std::optional<TemporaryDirectory> folder_;
};

TEST_F(SubmitTest, CreatesTheDatabaseAndGoesOnTheSecondTime) {
  const ProgramResult first = Run("submit space.yaml --data photos");
  ASSERT_EQ(first.exit_code, 0) << first.errors;
  EXPECT_THAT(first.output, StartsWith("created small: 4 trials of up to 2 epochs\n"));
  EXPECT_THAT(first.output,
              HasSubstr("mpirun -np 2 vizsla-worker --search space.yaml --data photos\n"));
  const ProgramResult second = Run("submit space.yaml --data photos");
  EXPECT_EQ(second.exit_code, 0) << second.errors;
  EXPECT_THAT(second.output, StartsWith("small is there already: active"));
  EXPECT_EQ(ParseOutput(Run("studies --json")).size(), 1U);
}

TEST_F(SubmitTest, RefusesOtherDataForTheSameStudy) {
  ASSERT_EQ(Run("submit space.yaml --data photos").exit_code, 0);
  const nlohmann::json before = Studies();
  std::ofstream(path() + "/photos/pug/0.jpg") << "\xFF\xD8\xFF\xE0 another photo";
  const ProgramResult result = Run("submit space.yaml --data photos");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.errors, HasSubstr("the data set is not the one"));
  EXPECT_THAT(result.errors, HasSubstr("fingerprint"));
  EXPECT_THAT(result.errors, HasSubstr(before[0]["dataset_fingerprint"].get<std::string>()));
  EXPECT_EQ(Studies(), before);
}

TEST_F(SubmitTest, RefusesAnotherSpaceWithTheDifference) {
  ASSERT_EQ(Run("submit space.yaml --data photos").exit_code, 0);
  WriteSpace(
      "network: scratch_v2\n  image_size: 48\n  learning_rate: {float: [1.0e-4, 1.0e-2], log: "
      "true}\n");
  const ProgramResult result = Run("submit space.yaml --data photos");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.errors, HasSubstr("or undo:\n"));  // the difference on lines of its own
  EXPECT_THAT(result.errors, HasSubstr("network"));
}

TEST_F(SubmitTest, BadYamlShowsThePlace) {
  WriteSpace("network: scratch_v1\n  learing_rate: 0.1\n");
  const ProgramResult result = Run("submit space.yaml --data photos");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.errors, HasSubstr("space.yaml:6:3: "));
  EXPECT_THAT(result.errors, HasSubstr("learing_rate"));
  EXPECT_FALSE(std::filesystem::exists(path() + "/vizsla.db"));
}

TEST_F(SubmitTest, MissingFilesAreNamed) {
  EXPECT_THAT(Run("submit nowhere.yaml --data photos").errors, HasSubstr("nowhere.yaml"));
  EXPECT_THAT(Run("submit space.yaml --data nowhere").errors, HasSubstr("nowhere"));
  WriteSpace("network: mobilenet_v2\n");
  EXPECT_THAT(Run("submit space.yaml --data photos").errors, HasSubstr("--weights"));
}

TEST_F(SubmitTest, DryRunCountsAndWritesNothing) {
  const ProgramResult without = Run("submit space.yaml --dry-run");
  ASSERT_EQ(without.exit_code, 0) << without.errors;
  EXPECT_THAT(without.output,
              HasSubstr("assumed         1000 photos of 10 classes; name yours with "
                        "--data\n"
                        "photos          640 train, 160 validation, 10 classes\n"));
  EXPECT_THAT(without.output, HasSubstr("at most 4"));
  EXPECT_THAT(without.output, HasSubstr("decoded photos  6 MB at 48 px\n"));
  EXPECT_THAT(without.output, HasSubstr("rough time"));
  const ProgramResult with = Run("submit space.yaml --dry-run --data photos");
  ASSERT_EQ(with.exit_code, 0) << with.errors;
  EXPECT_THAT(with.output, Not(HasSubstr("assumed  ")));
  EXPECT_THAT(with.output, HasSubstr("photos          25 train, 7 validation, 2 classes\n"));
  EXPECT_THAT(with.output, HasSubstr("at most 4"));
  EXPECT_THAT(with.output, HasSubstr("checkpoints"));
  EXPECT_THAT(with.output, HasSubstr("rough time"));
  EXPECT_FALSE(std::filesystem::exists(path() + "/vizsla.db"));
}

TEST_F(SubmitTest, DryRunOfTransferLearningWorksBeforeTheWeightsAreThere) {
  WriteSpace("network: mobilenet_v2\n  dropout: {float: [0.1, 0.5]}\n");
  const ProgramResult result = Run("submit space.yaml --dry-run --data photos");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.errors, HasSubstr("submit needs --weights"));
  EXPECT_THAT(result.output, HasSubstr("4 trials train on cached features, from 1 pass"));
  EXPECT_EQ(Run("submit space.yaml --dry-run").exit_code, 0);
}

TEST_F(SubmitTest, StagesAreCountedAndChecked) {
  const std::string stages =
      "network: scratch_v1\n  image_size: 48\n  dropout: {float: [0.1, 0.5]}\nthen:\n"
      "  - {name: longer, init_from: none, budget: {trials: 3, epochs: 9}}\n"
      "  - {budget: {trials: 2}, parameters: {learning_rate: {float: [1.0e-5, 1.0e-3]}},\n"
      "     enqueue: [{init_from: 1}]}\n";
  WriteSpace(stages);
  const ProgramResult dry = Run("submit space.yaml --dry-run --data photos --json");
  ASSERT_EQ(dry.exit_code, 0) << dry.errors;
  const nlohmann::json estimate = ParseOutput(dry);
  // Nothing is varied in the second stage: it has one trial.
  EXPECT_EQ(estimate["trials"], 4 + 1 + 2);
  EXPECT_EQ(estimate["enqueued"], 1);
  EXPECT_EQ(estimate["impossible"], 0);
  const ProgramResult submitted = Run("submit space.yaml --data photos");
  ASSERT_EQ(submitted.exit_code, 0) << submitted.errors;
  EXPECT_THAT(submitted.output,
              StartsWith("created small: 7 trials of up to 9 epochs, in 3 stages\n"));
  WriteSpace(stages + "  - {budget: {trials: 1}, parameters: {unfreeze: all}}\n");
  EXPECT_THAT(
      Run("submit space.yaml --data photos").errors,
      HasSubstr("space.yaml:12:50: then[3].parameters.unfreeze: scratch_v1 has no backbone"));
}

TEST_F(SubmitTest, JsonFollowsTheSchema) {
  if (!HasJsonSchema()) GTEST_SKIP() << "python3-jsonschema is not installed";
  std::ofstream(path() + "/photos/pug/broken.jpg") << "";
  const ProgramResult assumed = Run("submit space.yaml --dry-run --json");
  ExpectValid(assumed.output, "submit");
  EXPECT_EQ(ParseOutput(assumed)["photos"]["assumed"], true);
  EXPECT_GT(ParseOutput(assumed)["estimate"]["training_seconds"], 0);
  const ProgramResult dry = Run("submit space.yaml --dry-run --data photos --json");
  ExpectValid(dry.output, "submit");
  EXPECT_EQ(ParseOutput(dry)["problems"].size(), 1U);
  EXPECT_EQ(ParseOutput(dry)["photos"]["assumed"], false);
  ExpectValid(Run("submit space.yaml --data photos --json").output, "submit");
}

}  // namespace
}  // namespace vizsla
