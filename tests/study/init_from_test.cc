#include "src/study/init_from.h"

#include <gmock/gmock.h>

namespace vizsla {
namespace {

using ::testing::ElementsAre;
using Kind = InitFrom::Kind;

InitFrom Named(const std::string& name) { return {Kind::kTrial, name, 0}; }
InitFrom Numbered(int64_t number) { return {Kind::kTrial, "", number}; }
InitFrom Best() { return {Kind::kBest, "", 0}; }

EnqueuedTrial Entry(const std::string& name, const InitFrom& init_from = {}) {
  return {name, "", {}, init_from};
}

// A study of ten trials with these enqueued, and a second stage with those.
StudySpec Enqueued(std::vector<EnqueuedTrial> first, std::vector<EnqueuedTrial> second = {}) {
  StudySpec spec;
  spec.budget.trials = 10;
  spec.enqueue = std::move(first);
  spec.stages.resize(1);
  spec.stages[0].enqueue = std::move(second);
  return spec;
}

// "1/2: reason": stage, entry from 1.
std::string Problem(const StudySpec& spec) {
  const auto problem = FindInitFromProblem(spec);
  if (!problem) return "";
  return StrCat(problem->place.stage, "/", problem->place.entry + 1, ": ", problem->reason);
}

TEST(FindInitFromProblem, FollowsNamesNumbersAndBest) {
  EXPECT_EQ(Problem(Enqueued({Entry("a"), Entry("b", Named("a")), Entry("c", Numbered(1)),
                              Entry("d", Best()), Entry("e", Named("d"))},
                             {Entry("f", Named("b")), Entry("g", Named("f")), Entry("h", Best()),
                              Entry("i"), Entry("j", Numbered(7))})),
            "");
  // A source may stand behind what starts from it.
  EXPECT_EQ(Problem(Enqueued({Entry("b", Named("a")), Entry("a")})), "");
}

TEST(FindInitFromProblem, RefusesWhatNobodyCanFollow) {
  EXPECT_EQ(Problem(Enqueued({Entry("transfer"), Entry("", Named("transfr"))})),
            "1/2: no enqueued trial is called 'transfr'; did you mean 'transfer'?");
  EXPECT_EQ(Problem(Enqueued({Entry("a"), Entry("a"), Entry("", Named("a"))})),
            "1/3: 2 enqueued trials are called 'a'");
  EXPECT_EQ(Problem(Enqueued({Entry("a", Named("b"))}, {Entry("b")})),
            "1/1: 'b' is of a later stage");
  EXPECT_EQ(Problem(Enqueued({Entry("a", Named("a"))})), "1/1: is the trial itself");
  EXPECT_EQ(Problem(Enqueued({Entry("", Numbered(1))})), "1/1: is the trial itself");
  EXPECT_EQ(Problem(Enqueued({Entry("a"), Entry("", Numbered(3))})),
            "1/2: there is no enqueued trial 3: they are 1 to 2");
  EXPECT_EQ(Problem(Enqueued({Entry("a")}, {Entry("", Numbered(11))})),
            "2/1: there is no trial 11: the first stage's are 1 to 10");
}

TEST(FindInitFromProblem, RefusesCircles) {
  EXPECT_EQ(
      Problem(Enqueued({Entry("a", Named("b")), Entry("b", Named("c")), Entry("c", Named("a"))})),
      "1/1: forms a circle: the trial waits for itself");
  EXPECT_EQ(Problem(Enqueued({Entry("x")}, {Entry("a", Named("b")), Entry("b", Named("a"))})),
            "2/1: forms a circle: the trial waits for itself");
}

TEST(FindInitFromProblem, RefusesABestThatNobodyIsLeftFor) {
  StudySpec spec = Enqueued({Entry("a", Best()), Entry("b", Named("a"))});
  EXPECT_EQ(Problem(spec), "") << "the sampler adds others";
  spec.budget.trials = 2;
  EXPECT_EQ(Problem(spec),
            "1/1: no trial is left to be the best one: all of the study wait for it");
  spec.enqueue[1].init_from = {};
  EXPECT_EQ(Problem(spec), "");
}

TEST(FindEnqueued, TellsTheEntry) {
  const StudySpec spec =
      Enqueued({Entry("a"), Entry("b")}, {Entry("c", Named("b")), Entry("d", Named("c"))});
  EXPECT_EQ(FindEnqueued(spec, Named("b"), 1), (EnqueuedPlace{1, 1}));
  EXPECT_EQ(FindEnqueued(spec, Named("c"), 2), (EnqueuedPlace{2, 0}));
  EXPECT_EQ(FindEnqueued(spec, Numbered(2), 2), (EnqueuedPlace{1, 1}));
  EXPECT_EQ(FindEnqueued(spec, Numbered(3), 2), std::nullopt) << "a sampled trial";
  EXPECT_EQ(FindEnqueued(spec, Best(), 2), std::nullopt);
}

TEST(IsComplete, UnlessTheBestIsWaitedFor) {
  const StudySpec spec =
      Enqueued({Entry("a"), Entry("b", Named("a")), Entry("c", Best()), Entry("d", Named("c"))},
               {Entry("e")});
  EXPECT_TRUE(IsComplete(spec, {1, 0}));
  EXPECT_TRUE(IsComplete(spec, {1, 1}));
  EXPECT_FALSE(IsComplete(spec, {1, 2}));
  EXPECT_FALSE(IsComplete(spec, {1, 3}));
  EXPECT_FALSE(IsComplete(spec, {2, 0}));
}

TEST(InOrderOfSources, PutsSourcesFirst) {
  const StudySpec spec = Enqueued({Entry("a", Named("c")), Entry("b"), Entry("c", Named("b"))});
  EXPECT_THAT(InOrderOfSources(spec), ElementsAre(1, 2, 0));
}

}  // namespace
}  // namespace vizsla
