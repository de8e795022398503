// Pruners that look at curves, by hand; and what options are refused.
#include "src/pruning/pruner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/pruning/pruner_driver.h"

namespace vizsla {
namespace {

using testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr PrunerContext kMinimize{Direction::kMinimize, 10, 1};
constexpr PrunerContext kMaximize{Direction::kMaximize, 10, 1};
constexpr PruneDecision kContinue = PruneDecision::kContinue;
constexpr PruneDecision kPrune = PruneDecision::kPrune;

// Trials `first`, ... with these values at epoch 1, COMPLETED.
void Complete(PrunerDriver& driver, int64_t first, const std::vector<double>& values) {
  for (const double value : values) {
    driver.Report(first, 1, value);
    driver.Move(first++, TrialState::kCompleted);
  }
}

TEST(MedianPruner, ComparesTheBestSoFarWithTheMedianOfCompletedTrials) {
  PrunerDriver driver(MedianOptions{.startup_trials = 4}, kMinimize);
  Complete(driver, 1, {1, 2, 3});
  EXPECT_EQ(driver.Report(9, 1, 100), kContinue);  // three are not yet four
  Complete(driver, 4, {4});                        // the median is 2.5
  EXPECT_EQ(driver->Decide(9), kPrune);
  EXPECT_EQ(driver.Report(10, 1, 2.5), kContinue);
  EXPECT_EQ(driver.Report(11, 1, 2.51), kPrune);
  // Nobody has been at epoch 2.
  EXPECT_EQ(driver.Report(11, 2, 100), kContinue);
  driver.Report(4, 2, 2);
  driver.Move(4, TrialState::kCompleted);
  EXPECT_EQ(driver.Report(11, 2, 100), kPrune);
  EXPECT_EQ(driver.Report(10, 2, 1.9), kContinue);
  EXPECT_EQ(driver.Report(12, 1, 1.5), kContinue);
  EXPECT_EQ(driver.Report(12, 2, 50), kContinue);  // it was 1.5 before
}

TEST(MedianPruner, OnlyCompletedTrialsCount) {
  PrunerDriver driver(MedianOptions{.startup_trials = 1}, kMinimize);
  int64_t number = 1;
  for (const TrialState state : {TrialState::kPruned, TrialState::kFailed, TrialState::kDiverged,
                                 TrialState::kPaused, TrialState::kCancelled}) {
    driver.Report(number, 1, 1);
    driver.Move(number++, state);
  }
  EXPECT_EQ(driver.Report(10, 1, 5), kContinue);
  Complete(driver, 11, {1});
  EXPECT_EQ(driver->Decide(10), kPrune);
}

TEST(MedianPruner, MaximizesToo) {
  PrunerDriver driver(MedianOptions{.startup_trials = 0}, kMaximize);
  EXPECT_EQ(driver.Report(9, 1, -5), kContinue);
  Complete(driver, 1, {1, 2, 3});
  EXPECT_EQ(driver.Report(9, 1, 1.9), kPrune);
  EXPECT_EQ(driver.Report(10, 1, 2), kContinue);
}

TEST(MedianPruner, ANewAttemptReplacesTheValueAndAnAbandonedRunDoesNotCount) {
  PrunerDriver driver(MedianOptions{.startup_trials = 1, .min_epochs = 2}, kMinimize);
  driver.Report(1, 1, 1);
  driver.Report(1, 2, 0.1);
  driver.Report(1, 3, 0.1);
  driver.Report(1, 2, 7, /*attempt=*/2);               // goes on from epoch 1
  driver->ObserveReport(1, 2, AttemptNumber(1), 0.1);  // heard once more
  driver.Move(1, TrialState::kCompleted);
  driver.Report(2, 1, 8);
  EXPECT_EQ(driver.Report(2, 2, 6.5), kContinue);
  EXPECT_EQ(driver.Report(2, 3, 6.5), kContinue);  // epoch 3 of trial 1 is not its own any more
  driver.Report(3, 1, 8);
  EXPECT_EQ(driver.Report(3, 2, 7.5), kPrune);
  driver->ObserveReport(1, 2, AttemptNumber(3), 9);  // heard after the trial's end
  EXPECT_EQ(driver->Decide(3), kContinue);
}

TEST(MedianPruner, PrunesATrialThatNeverHadANumberAndIgnoresHolesOtherwise) {
  PrunerDriver driver(MedianOptions{.startup_trials = 1}, kMinimize);
  Complete(driver, 1, {3});
  EXPECT_EQ(driver.Report(2, 1, kNan), kPrune);
  EXPECT_EQ(driver.Report(3, 1, -kInf), kPrune);  // not finite is the worst, on either side
  EXPECT_EQ(driver.Report(4, 1, 1), kContinue);
  driver.Report(1, 2, 2);
  driver.Move(1, TrialState::kCompleted);
  EXPECT_EQ(driver.Report(4, 2, kNan), kContinue);
}

TEST(PercentilePruner, InterpolatesAndWaitsForEnoughValues) {
  PrunerDriver driver(PercentileOptions{.percentile = 30, .startup_trials = 0, .min_trials = 4},
                      kMinimize);
  Complete(driver, 1, {10, 20, 30});
  EXPECT_EQ(driver.Report(9, 1, 1000), kContinue);
  Complete(driver, 4, {40});  // 0.3 * 3 = 0.9 of the way from 10 to 20
  EXPECT_EQ(driver.Report(10, 1, 18.99), kContinue);
  EXPECT_EQ(driver.Report(11, 1, 19.01), kPrune);
}

TEST(CurvePruners, CheckAtIntervalsFromTheFirstEpochOn) {
  PrunerDriver driver(ThresholdOptions{.upper = 1, .min_epochs = 3, .interval = 4}, kMinimize);
  std::vector<int> pruned;
  for (int epoch = 1; epoch <= 9; ++epoch) {
    if (driver.Report(1, epoch, 2) == kPrune) pruned.push_back(epoch);
  }
  EXPECT_EQ(pruned, (std::vector<int>{3, 7}));
}

TEST(CurvePruners, LeaveATrialAtItsLastEpochAlone) {
  PrunerDriver driver(ThresholdOptions{.upper = 1}, kMinimize);
  EXPECT_EQ(driver.Report(1, 9, 2), kPrune);
  EXPECT_EQ(driver.Report(1, 10, 2), kContinue);
  driver.SetPlanned(2, 4);
  EXPECT_EQ(driver.Report(2, 3, 2), kPrune);
  EXPECT_EQ(driver.Report(2, 4, 2), kContinue);
}

TEST(ThresholdPruner, KeepsValuesBetweenItsBounds) {
  PrunerDriver driver(ThresholdOptions{.lower = -1, .upper = 2}, kMaximize);
  int64_t trial = 1;
  for (const double value : {-1.0, 0.0, 2.0})
    EXPECT_EQ(driver.Report(trial++, 1, value), kContinue);
  for (const double value : {-1.01, 2.01, kNan, kInf, -kInf}) {
    EXPECT_EQ(driver.Report(trial++, 1, value), kPrune) << value;
  }
  EXPECT_EQ(PrunerDriver(ThresholdOptions{.upper = 2}, kMinimize).Report(1, 1, -kInf), kPrune);
}

TEST(PatiencePruner, PrunesWhatGetsWorseForLongEnough) {
  PrunerDriver driver(PatienceOptions{.patience = 1, .min_delta = 0.5}, kMinimize);
  EXPECT_EQ(driver.Report(1, 1, 1), kContinue);
  EXPECT_EQ(driver.Report(1, 2, 2), kContinue);    // two values are no more than patience + 1
  EXPECT_EQ(driver.Report(1, 3, 1.5), kContinue);  // worse by no more than min_delta
  EXPECT_EQ(driver.Report(1, 4, 2), kContinue);    // of the last two one is 1.5
  EXPECT_EQ(driver.Report(1, 5, 1.51), kPrune);
  EXPECT_EQ(driver.Report(1, 6, 0.9), kContinue);
}

TEST(PatiencePruner, PassesOverWhatIsNotFinite) {
  PrunerDriver driver(PatienceOptions{.patience = 1}, kMaximize);
  EXPECT_EQ(driver.Report(1, 1, kNan), kContinue);
  EXPECT_EQ(driver.Report(1, 2, 1), kContinue);
  EXPECT_EQ(driver.Report(1, 3, 0.5), kContinue);   // nothing finite before the last two
  EXPECT_EQ(driver.Report(1, 4, kNan), kPrune);     // 0.5 is worse than 1
  EXPECT_EQ(driver.Report(1, 5, kInf), kContinue);  // nothing finite among the last two
}

TEST(MakePruner, NoneContinues) {
  PrunerDriver driver(NoPruning{}, kMinimize);
  EXPECT_EQ(driver.Report(1, 1, kNan), kContinue);
  EXPECT_EQ(driver->NextToResume(), std::nullopt);
  EXPECT_TRUE(driver->ToPrune().empty());
}

TEST(MakePruner, KindsStandInTheirPersistedOrder) {
  EXPECT_EQ(KindOf(NoPruning{}), PrunerKind::kNone);
  EXPECT_EQ(KindOf(MedianOptions{}), PrunerKind::kMedian);
  EXPECT_EQ(KindOf(PercentileOptions{}), PrunerKind::kPercentile);
  EXPECT_EQ(KindOf(ThresholdOptions{}), PrunerKind::kThreshold);
  EXPECT_EQ(KindOf(PatienceOptions{}), PrunerKind::kPatience);
  EXPECT_EQ(KindOf(SuccessiveHalvingOptions{}), PrunerKind::kSuccessiveHalving);
  EXPECT_EQ(KindOf(HyperbandOptions{}), PrunerKind::kHyperband);
  EXPECT_EQ(KindOf(AshaOptions{}), PrunerKind::kAsha);
}

TEST(MakePruner, RefusesUnsoundOptionsByName) {
  const struct {
    PrunerSpec spec;
    const char* message;
  } cases[] = {
      {MedianOptions{.startup_trials = -1}, "startup_trials: -1"},
      {MedianOptions{.min_epochs = 0}, "min_epochs: 0"},
      {MedianOptions{.interval = 0}, "interval: 0"},
      {MedianOptions{.min_trials = 0}, "min_trials: 0"},
      {PercentileOptions{.percentile = 101}, "percentile: 101"},
      {PercentileOptions{.percentile = kNan}, "percentile: nan"},
      {ThresholdOptions{}, "lower: missing: give lower or upper"},
      {ThresholdOptions{.lower = 2, .upper = 1}, "lower: 2 is above upper, 1"},
      {ThresholdOptions{.lower = kNan, .upper = 1}, "lower: nan"},
      {ThresholdOptions{.upper = 1, .interval = 0}, "interval: 0"},
      {PatienceOptions{.patience = -1}, "patience: -1"},
      {PatienceOptions{.min_delta = -0.5}, "min_delta: -0.5"},
      {PatienceOptions{.min_delta = kNan}, "min_delta: nan"},
      {SuccessiveHalvingOptions{.eta = 1}, "eta: 1"},
      {SuccessiveHalvingOptions{.trials = -1}, "trials: -1"},
      {SuccessiveHalvingOptions{.min_epochs = 10}, "min_epochs: 10, but trials have only 10"},
      {HyperbandOptions{.min_epochs = 0}, "min_epochs: 0"},
      {HyperbandOptions{.min_epochs = 4}, "times min_epochs is more than the 10"},
      {AshaOptions{.min_epochs = 11}, "min_epochs: 11"},
      {AshaOptions{.eta = 0}, "eta: 0"},
  };
  for (const auto& [spec, message] : cases) {
    const absl::Status status = MakePruner(spec, kMinimize).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << message;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
  }
}

}  // namespace
}  // namespace vizsla
