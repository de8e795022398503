// `repeats:` and `final:` in a study's YAML.
#include <gmock/gmock.h>

#include "src/spec/parse_study.h"

namespace vizsla {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Study(const std::string& lines) {
  return StrCat("name: dogs\nbudget: {trials: 9, epochs: 9}\n", lines,
                "parameters:\n  network: mobilenet_v2\n  dropout: {float: [0, 0.5]}\n");
}

TEST(ParseRepeats, ReadsBoth) {
  auto study = ParseStudy(Study("repeats: 3\nfinal: {top: 5, repeats: 4}\n"), "dogs.yaml");
  ASSERT_TRUE(study.ok()) << study.status();
  EXPECT_EQ(study->repeats, 3);
  EXPECT_EQ(study->final_runs, (FinalRuns{5, 4}));
  study = ParseStudy(Study("final: {top: 5}\n"), "dogs.yaml");
  ASSERT_TRUE(study.ok()) << study.status();
  EXPECT_EQ(study->repeats, 1);
  EXPECT_EQ(study->final_runs, (FinalRuns{5, 3}));
  EXPECT_EQ(ParseStudy(Study(""), "dogs.yaml")->final_runs.top, 0);
}

struct Refusal {
  const char* lines;
  const char* place;
  const char* reason;
};

TEST(ParseRepeats, SaysWhatIsWrongAndWhere) {
  for (const Refusal& refusal : std::vector<Refusal>{
           {"repeats: 0\n", "dogs.yaml:3:10: repeats: ", "from 1 to 100"},
           {"repeats: many\n", "dogs.yaml:3:10: repeats: ", "must be an integer"},
           {"final: 3\n", "dogs.yaml:3:8: final: ", "mapping"},
           {"final: {repeats: 3}\n", "dogs.yaml:3:8: final: ", "top: missing"},
           {"final: {top: 0}\n", "dogs.yaml:3:14: final.top: ", "from 1 to 1000"},
           {"final: {top: 3, runs: 3}\n", "dogs.yaml:3:17: final", "runs"},
           {"repeats: 2\npruner: asha\n",
            "dogs.yaml:3:10: repeats: ", "the asha pruner ranks configurations on rungs"}}) {
    const auto study = ParseStudy(Study(refusal.lines), "dogs.yaml");
    ASSERT_FALSE(study.ok()) << refusal.lines;
    const std::string message(study.status().message());
    EXPECT_THAT(message, StartsWith(refusal.place)) << refusal.lines;
    EXPECT_THAT(message, HasSubstr(refusal.reason)) << refusal.lines;
  }
}

TEST(ParseRepeats, AStageWithSuchAPrunerIsNamed) {
  const auto study = ParseStudy(StrCat(Study("repeats: 2\n"),
                                       "then: [{name: longer, init_from: none, pruner: hyperband, "
                                       "budget: {trials: 2, epochs: 27}}]\n"),
                                "dogs.yaml");
  EXPECT_THAT(std::string(study.status().message()),
              HasSubstr("repeats: stage 2 (longer): the hyperband pruner"));
}

}  // namespace
}  // namespace vizsla
