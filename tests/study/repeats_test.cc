#include "src/study/repeats.h"

#include <gmock/gmock.h>

#include "src/study/study.h"

namespace vizsla {
namespace {

using ::testing::HasSubstr;

StudySpec Spec() {
  StudySpec spec;
  spec.name = "dogs";
  spec.budget.trials = 4;
  spec.space.parameters.push_back({"dropout", FloatDomain{0, 1, false, {}}, {}});
  return spec;
}

TEST(Repeats, AreStoredAndAbsentInOlderStudies) {
  StudySpec spec = Spec();
  EXPECT_THAT(ToJsonText(spec), ::testing::Not(HasSubstr("repeats")))
      << "older studies keep their hash";
  EXPECT_EQ(*StudySpecFromJsonText(ToJsonText(spec)), spec);
  spec.repeats = 3;
  spec.final_runs = {5, 4};
  const auto back = StudySpecFromJsonText(ToJsonText(spec));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, spec);
}

TEST(Repeats, AreWhatAStudyIsButFinalRunsAreNot) {
  StudySpec repeated = Spec();
  repeated.repeats = 3;
  EXPECT_NE(ImmutableHash(repeated), ImmutableHash(Spec()));
  EXPECT_EQ(DiffImmutable(Spec(), repeated), "repeats: (absent) -> 3");
  StudySpec with_final = Spec();
  with_final.final_runs.top = 5;
  EXPECT_EQ(ImmutableHash(with_final), ImmutableHash(Spec()));
  EXPECT_EQ(DiffImmutable(Spec(), with_final), "");
}

TEST(Repeats, FinalRunsCanOnlyBeRaised) {
  EXPECT_EQ(RaiseFinalRuns({}, {5, 1})->top, 5) << "added later";
  EXPECT_EQ(RaiseFinalRuns({2, 3}, {5, 4})->repeats, 4);
  EXPECT_THAT(std::string(RaiseFinalRuns({5, 3}, {}).status().message()),
              HasSubstr("final.top is 5, given 0"));
  EXPECT_THAT(std::string(RaiseFinalRuns({5, 3}, {5, 2}).status().message()),
              HasSubstr("final.repeats is 3, given 2"));
}

TEST(Repeats, ArePossibleWithPrunersThatLookAtCurvesNotWithThoseThatRankOnRungs) {
  for (const PrunerSpec& pruner : AllPruners()) {
    EXPECT_TRUE(CheckGoesWithRepeats({}, pruner, 1, {}).ok());
    const bool rungs = KindOf(pruner) == PrunerKind::kAsha ||
                       KindOf(pruner) == PrunerKind::kHyperband ||
                       KindOf(pruner) == PrunerKind::kSuccessiveHalving;
    const bool population = KindOf(pruner) == PrunerKind::kPopulation;
    const absl::Status repeated = CheckGoesWithRepeats({}, pruner, 2, {});
    EXPECT_EQ(repeated.ok(), !rungs && !population) << Describe(pruner);
    EXPECT_EQ(CheckGoesWithRepeats({}, pruner, 1, {5, 3}).ok(), !population) << Describe(pruner);
    if (rungs) {
      EXPECT_THAT(std::string(repeated.message()), HasSubstr("final: {top: K, repeats: N}"));
    }
  }
}

TEST(Repeats, NeedOneObjective) {
  Objective objective;
  objective.further.push_back({"parameters", Direction::kMinimize});
  EXPECT_TRUE(CheckGoesWithRepeats(objective, NoPruning(), 1, {}).ok());
  EXPECT_THAT(std::string(CheckGoesWithRepeats(objective, NoPruning(), 2, {}).message()),
              HasSubstr("several objectives"));
  EXPECT_FALSE(CheckGoesWithRepeats(objective, NoPruning(), 1, {5, 3}).ok());
}

TEST(Repeats, OutOfRangeAreRefused) {
  EXPECT_TRUE(CheckRepeats(1, {}).ok());
  EXPECT_FALSE(CheckRepeats(0, {}).ok());
  EXPECT_FALSE(CheckRepeats(101, {}).ok());
  EXPECT_FALSE(CheckRepeats(1, {-1, 3}).ok());
  EXPECT_FALSE(CheckRepeats(1, {5, 0}).ok());
}

}  // namespace
}  // namespace vizsla
