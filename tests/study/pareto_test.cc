#include "src/study/pareto.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "src/study/objectives_check.h"

namespace vizsla {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNan = std::nan("");

// Many ties for few levels. record_optuna_pareto.py makes the same ones.
std::vector<Losses> MakePoints(int count, int objectives, int levels) {
  std::vector<Losses> points;
  uint64_t state = 12345;
  for (int i = 0; i < count; ++i) {
    Losses& point = points.emplace_back();
    for (int k = 0; k < objectives; ++k) {
      state = (1103515245 * state + 12345) % (uint64_t{1} << 31);
      point.push_back(static_cast<double>((state >> 16) % static_cast<uint64_t>(levels)) / levels);
    }
  }
  return points;
}

// Optuna 5.0.0: _fast_non_domination_rank (from 1), and compute_hypervolume below (0.9, 0.9, ...).
struct Recorded {
  int count;
  int objectives;
  int levels;
  double hypervolume;
  std::vector<int> fronts;
};

class OptunaPareto : public ::testing::TestWithParam<Recorded> {};

TEST_P(OptunaPareto, Agrees) {
  const Recorded& recorded = GetParam();
  const auto points = MakePoints(recorded.count, recorded.objectives, recorded.levels);
  EXPECT_EQ(FrontNumbers(points), recorded.fronts);
  const Losses reference(static_cast<size_t>(recorded.objectives), 0.9);
  EXPECT_NEAR(Hypervolume(points, reference), recorded.hypervolume, 1e-12);
}

INSTANTIATE_TEST_SUITE_P(
    All, OptunaPareto,
    ::testing::Values(
        Recorded{
            60, 2, 16, 0.74359375000000005, {7, 5, 13, 10, 6, 10, 13, 1, 9, 4,  10, 5,  8,  7, 6,
                                             7, 5, 5,  14, 9, 6,  3,  2, 8, 4,  9,  3,  9,  3, 13,
                                             9, 6, 6,  7,  9, 3,  4,  8, 4, 12, 5,  3,  10, 1, 6,
                                             7, 4, 7,  3,  8, 4,  5,  2, 2, 2,  1,  11, 3,  5, 9}},
        Recorded{60, 3, 16, 0.50346289062500005, {3, 7, 7, 5, 6, 1, 3, 2, 5, 3, 5, 1, 8, 4, 2,
                                                  1, 2, 2, 4, 3, 4, 4, 5, 2, 1, 5, 5, 3, 2, 3,
                                                  4, 2, 1, 3, 1, 3, 1, 6, 1, 6, 6, 4, 4, 4, 1,
                                                  4, 3, 1, 2, 6, 2, 4, 2, 3, 3, 1, 5, 3, 3, 2}},
        Recorded{40, 4, 1000, 0.28813268479300008, {1, 1, 1, 2, 2, 1, 1, 3, 1, 1, 2, 1, 1, 1,
                                                    2, 2, 1, 1, 2, 1, 2, 3, 1, 2, 1, 1, 2, 1,
                                                    1, 1, 2, 3, 4, 2, 2, 2, 1, 2, 2, 2}},
        Recorded{40, 2, 1000, 0.74942200000000003, {9, 2, 2, 3, 3, 2, 3, 5, 2, 5,  1, 2, 7, 2,
                                                    6, 4, 2, 5, 2, 2, 9, 7, 1, 10, 8, 1, 5, 6,
                                                    2, 5, 8, 4, 2, 3, 4, 1, 9, 4,  5, 3}},
        Recorded{60, 1, 16, 0.90000000000000002, {13, 5, 6,  11, 16, 14, 14, 11, 11, 6,  13, 12, 15,
                                                  16, 4, 1,  10, 13, 14, 1,  16, 10, 16, 1,  14, 5,
                                                  13, 5, 14, 3,  12, 7,  9,  4,  11, 3,  16, 16, 15,
                                                  8,  9, 10, 2,  15, 10, 1,  12, 9,  6,  6,  13, 10,
                                                  10, 2, 16, 7,  7,  3,  15, 16}}));

// Deb's definition, word by word.
std::vector<int> PeeledFronts(const std::vector<Losses>& points) {
  std::vector<int> fronts(points.size(), 0);
  for (int front = 1; std::count(fronts.begin(), fronts.end(), 0) > 0; ++front) {
    std::vector<int> next = fronts;
    for (size_t i = 0; i < points.size(); ++i) {
      if (fronts[i] != 0) continue;
      bool dominated = false;
      for (size_t j = 0; j < points.size(); ++j) {
        dominated = dominated || (fronts[j] == 0 && Dominates(points[j], points[i]));
      }
      if (!dominated) next[i] = front;
    }
    fronts = next;
  }
  return fronts;
}

TEST(FrontNumbers, AreThoseOfTheDefinition) {
  for (const int objectives : {1, 2, 3, 5}) {
    for (const int levels : {2, 5, 30, 10000}) {
      const auto points = MakePoints(150, objectives, levels);
      EXPECT_EQ(FrontNumbers(points), PeeledFronts(points)) << objectives << " " << levels;
    }
  }
  EXPECT_TRUE(FrontNumbers({}).empty());
}

TEST(Dominates, NeedsOneThatIsBetterAndNoneThatIsWorse) {
  EXPECT_TRUE(Dominates({1, 2}, {1, 3}));
  EXPECT_FALSE(Dominates({1, 3}, {1, 3}));
  EXPECT_FALSE(Dominates({1, 3}, {0, 4}));
  EXPECT_FALSE(Dominates({1, 3}, {1, 2}));
}

TEST(CrowdingDistances, AreSumsOfNormalizedGaps) {
  EXPECT_THAT(CrowdingDistances(std::vector<Losses>{{0, 4}, {1, 2}, {4, 0}, {3, 1}}),
              ElementsAre(kInf, 3.0 / 4 + 3.0 / 4, kInf, 3.0 / 4 + 2.0 / 4));
  // An objective in which all are equal says nothing.
  EXPECT_THAT(CrowdingDistances(std::vector<Losses>{{7, 7}, {7, 7}}), ElementsAre(0, 0));
  EXPECT_TRUE(CrowdingDistances({}).empty());
}

TEST(Hypervolume, OfBoxes) {
  const std::vector<Losses> points = {{1, 3}, {2, 1}, {2, 2}, {5, 0}};
  EXPECT_DOUBLE_EQ(Hypervolume(points, {4, 4}), 3 * 1 + 2 * 2);
  EXPECT_DOUBLE_EQ(Hypervolume(std::vector<Losses>{{1, 1, 1}, {0, 2, 2}}, {3, 3, 3}), 8 + 3 - 2);
  EXPECT_DOUBLE_EQ(Hypervolume(std::vector<Losses>{{1}, {2}}, {3}), 2);
  EXPECT_EQ(Hypervolume(points, {1, 1}), 0);
  EXPECT_EQ(Hypervolume({}, {1, 1}), 0);
}

Objective AccuracyAgainstSize() {
  Objective objective;
  objective.further = {{"parameters", Direction::kMinimize}};
  return objective;
}

Trial MakeTrial(int64_t number, std::optional<double> score, std::vector<double> further,
                TrialState state = TrialState::kCompleted) {
  Trial trial;
  trial.number = number;
  trial.score = score;
  trial.further_values = std::move(further);
  trial.state = state;
  return trial;
}

std::vector<Trial> Zoo() {
  return {
      MakeTrial(1, 0.9, {200}),
      MakeTrial(2, 0.8, {100}),
      MakeTrial(3, 0.8, {150}),                         // dominated by 2
      MakeTrial(4, kNan, {1}),                          // no number
      MakeTrial(5, 0.99, {kNan}),                       // no number either
      MakeTrial(6, 0.95, {10}, TrialState::kDiverged),  // may not win
      MakeTrial(7, std::nullopt, {}),                   // no score
      MakeTrial(8, 0.9, {300}),                         // dominated by 1, with equal accuracy
      MakeTrial(9, 0.9, {200}, TrialState::kRunning),   // as good as 1
      MakeTrial(10, 0.7, {300}),
  };
}

std::vector<int64_t> NumbersOf(const std::vector<Trial>& trials) {
  std::vector<int64_t> numbers;
  for (const Trial& trial : trials) numbers.push_back(trial.number);
  return numbers;
}

TEST(FrontsOf, LeaveOutWhatHasNoFiniteValue) {
  EXPECT_THAT(FrontsOf(AccuracyAgainstSize(), Zoo()), ElementsAre(1, 1, 2, 0, 0, 0, 0, 2, 1, 3));
}

TEST(SortByRank, PutsTheFrontFirst) {
  std::vector<Trial> trials = Zoo();
  SortByRank(AccuracyAgainstSize(), trials);
  EXPECT_THAT(NumbersOf(trials), ElementsAre(1, 9, 2, 8, 3, 10, 4, 5, 7, 6));
}

TEST(FindBest, IsTheMostAccurateOfTheFront) {
  std::vector<Trial> trials = Zoo();
  ASSERT_NE(FindBest(AccuracyAgainstSize(), trials), nullptr);
  EXPECT_EQ(FindBest(AccuracyAgainstSize(), trials)->number, 1);
  // Equal accuracy: the cheaper one, which dominates.
  trials.push_back(MakeTrial(11, 0.9, {199}));
  EXPECT_EQ(FindBest(AccuracyAgainstSize(), trials)->number, 11);
  EXPECT_EQ(FindBest(AccuracyAgainstSize(), std::vector<Trial>{MakeTrial(1, 0.5, {kInf})}),
            nullptr);
}

TEST(ParetoLosses, AreMinimized) {
  Objective objective = AccuracyAgainstSize();
  objective.further.push_back({"val_top5_accuracy", Direction::kMaximize});
  EXPECT_EQ(ParetoLosses(objective, MakeTrial(1, 0.5, {7, 0.8})), (Losses{-0.5, 7, -0.8}));
  EXPECT_FALSE(ParetoLosses(objective, MakeTrial(1, 0.5, {7})));
}

TEST(CheckObjectives, NamesADuplicate) {
  Objective objective = AccuracyAgainstSize();
  EXPECT_TRUE(CheckObjectives(objective).ok());
  objective.further.push_back({"val_accuracy", Direction::kMaximize});
  EXPECT_THAT(std::string(CheckObjectives(objective).message()), HasSubstr("val_accuracy"));
}

TEST(CheckPolicies, RefusesWhatKnowsOneScore) {
  const Objective one;
  const Objective two = AccuracyAgainstSize();
  EXPECT_TRUE(CheckPolicies(one, TpeOptions(), MedianOptions()).ok());
  EXPECT_TRUE(CheckPolicies(two, Nsga2Options(), NoPruning()).ok());
  EXPECT_TRUE(CheckPolicies(two, SobolOptions(), ThresholdOptions()).ok());
  EXPECT_THAT(std::string(CheckPolicies(two, TpeOptions(), NoPruning()).message()),
              HasSubstr("sampler: tpe learns from one score"));
  EXPECT_THAT(std::string(CheckPolicies(two, Nsga2Options(), AshaOptions()).message()),
              HasSubstr("pruner: asha compares trials by val_accuracy alone"));
}

}  // namespace
}  // namespace vizsla
