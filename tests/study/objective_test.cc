#include "src/study/objective.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "src/study/early_stopping.h"

namespace vizsla {
namespace {

using ::testing::ElementsAre;

const double kNan = std::nan("");
const double kInf = INFINITY;

// The campaign: ranked by accuracy, the epoch chosen by loss.
Objective Campaign() {
  return {"val_accuracy", Direction::kMaximize, "val_loss", Direction::kMinimize};
}

EpochReport Report(int epoch, double loss, double accuracy) {
  EpochReport report;
  report.epoch = epoch;
  report.metrics = {{"val_loss", loss}, {"val_accuracy", accuracy}};
  return report;
}

Trial MakeTrial(int64_t number, std::optional<double> score,
                TrialState state = TrialState::kCompleted) {
  Trial trial;
  trial.number = number;
  trial.score = score;
  trial.state = state;
  return trial;
}

TEST(DefaultDirection, LossesAreMinimized) {
  EXPECT_EQ(DefaultDirection("val_loss"), Direction::kMinimize);
  EXPECT_EQ(DefaultDirection("train_loss"), Direction::kMinimize);
  EXPECT_EQ(DefaultDirection("loss"), Direction::kMinimize);
  EXPECT_EQ(DefaultDirection("val_accuracy"), Direction::kMaximize);
  EXPECT_EQ(DefaultDirection("glossiness"), Direction::kMaximize);
}

TEST(IsBetter, KnowsNan) {
  EXPECT_TRUE(IsBetter(Direction::kMaximize, 2, 1));
  EXPECT_FALSE(IsBetter(Direction::kMaximize, 1, 1));
  EXPECT_TRUE(IsBetter(Direction::kMinimize, 1, 2));
  for (const Direction direction : {Direction::kMinimize, Direction::kMaximize}) {
    EXPECT_FALSE(IsBetter(direction, kNan, 1));
    EXPECT_TRUE(IsBetter(direction, 1, kNan));
    EXPECT_FALSE(IsBetter(direction, kNan, kNan));
  }
}

TEST(SelectScore, TakesTheObjectiveOfTheSelectedEpoch) {
  const std::vector<EpochReport> reports = {Report(1, 2.0, 0.5), Report(2, 1.0, 0.6),
                                            Report(3, 1.5, 0.9)};
  const auto score = SelectScore(Campaign(), reports);
  ASSERT_TRUE(score);
  EXPECT_EQ(score->epoch, 2);
  EXPECT_EQ(score->value, 0.6);
}

TEST(SelectScore, TheEarliestEpochWinsATieInAnyOrder) {
  std::vector<EpochReport> reports = {Report(3, 1.0, 0.3), Report(1, 1.0, 0.1),
                                      Report(2, 1.0, 0.2)};
  std::sort(reports.begin(), reports.end(), [](auto& a, auto& b) { return a.epoch > b.epoch; });
  EXPECT_EQ(SelectScore(Campaign(), reports)->epoch, 1);
  std::reverse(reports.begin(), reports.end());
  EXPECT_EQ(SelectScore(Campaign(), reports)->epoch, 1);
}

TEST(SelectScore, NanIsChosenOnlyWhenAllAre) {
  EXPECT_EQ(SelectScore(Campaign(), std::vector{Report(1, kNan, 0.9), Report(2, 5, 0.1)})->epoch,
            2);
  EXPECT_EQ(SelectScore(Campaign(), std::vector{Report(1, kNan, 0.9), Report(2, kNan, 0.1)})->epoch,
            1);
  const auto score = SelectScore(Campaign(), std::vector{Report(1, 1, kNan)});
  EXPECT_TRUE(std::isnan(score->value));
}

TEST(SelectScore, TheLastEpochCountsWhenItShall) {
  Objective objective = Campaign();
  objective.last_epoch = true;
  const std::vector<EpochReport> reports = {Report(1, 5, 0.9), Report(3, 9, 0.1),
                                            Report(2, 1, 0.5)};
  const auto score = SelectScore(objective, reports);
  EXPECT_EQ(score->epoch, 3);
  EXPECT_EQ(score->value, 0.1);
  EXPECT_TRUE(BecomesBest(objective, reports, Report(4, 99, 0.0))) << "so it needs a checkpoint";
  EXPECT_FALSE(BecomesBest(objective, reports, Report(2, 0, 1.0)));
}

TEST(SelectScore, WantsBothMetrics) {
  EXPECT_EQ(SelectScore(Campaign(), {}), std::nullopt);
  EpochReport partial;
  partial.epoch = 1;
  partial.metrics = {{"val_accuracy", 0.9}};
  EXPECT_EQ(SelectScore(Campaign(), std::vector{partial}), std::nullopt);
  EXPECT_EQ(SelectScore(Campaign(), std::vector{partial, Report(2, 1, 0.1)})->epoch, 2);
}

TEST(SelectScore, ALaterAttemptReplacesAnEpoch) {
  EpochReport first = Report(1, 1.0, 0.9);
  first.attempt = AttemptNumber(1);
  EpochReport second = Report(1, 2.0, 0.4);
  second.attempt = AttemptNumber(2);
  EXPECT_EQ(SelectScore(Campaign(), std::vector{first, second})->value, 0.4);
  EXPECT_EQ(SelectScore(Campaign(), std::vector{second, first})->value, 0.4);
}

TEST(BecomesBest, AgreesWithSelectScore) {
  const std::vector<EpochReport> reports = {Report(1, 2.0, 0.5), Report(2, 1.0, 0.6)};
  EXPECT_TRUE(BecomesBest(Campaign(), {}, Report(1, 9, 0.1)));
  EXPECT_TRUE(BecomesBest(Campaign(), reports, Report(3, 0.9, 0.1)));
  EXPECT_FALSE(BecomesBest(Campaign(), reports, Report(3, 1.0, 0.9)));  // a tie: the earlier one
  EXPECT_FALSE(BecomesBest(Campaign(), reports, Report(3, kNan, 0.9)));
  // Replacing the best epoch by a worse value makes another epoch the best.
  EXPECT_FALSE(BecomesBest(Campaign(), reports, Report(2, 3.0, 0.9)));
  EXPECT_TRUE(BecomesBest(Campaign(), reports, Report(2, 1.5, 0.9)));
}

TEST(HasDiverged, LooksAtEveryMetric) {
  EXPECT_FALSE(HasDiverged(Report(1, 1, 0.5)));
  EXPECT_TRUE(HasDiverged(Report(1, kNan, 0.5)));
  EXPECT_TRUE(HasDiverged(Report(1, 1, kInf)));
}

TEST(Ranking, OrdersScoresNansUnscoredAndUnranked) {
  std::vector<Trial> trials = {
      MakeTrial(1, kNan),
      MakeTrial(2, std::nullopt, TrialState::kRunning),
      MakeTrial(3, 0.7),
      MakeTrial(4, 0.9, TrialState::kDiverged),
      MakeTrial(5, 0.8, TrialState::kRunning),
      MakeTrial(6, 0.7, TrialState::kPruned),
      MakeTrial(7, std::nullopt, TrialState::kQueued),
      MakeTrial(8, 0.99, TrialState::kFailed),
      MakeTrial(9, kInf),
      MakeTrial(10, 0.99, TrialState::kCancelled),
      MakeTrial(11, 0.99, TrialState::kInfeasible),
  };
  const auto order = [](const std::vector<Trial>& sorted) {
    std::vector<int64_t> numbers;
    for (const Trial& trial : sorted) numbers.push_back(trial.number);
    return numbers;
  };
  const auto sort_by = [&](const Objective& objective) {
    std::sort(trials.begin(), trials.end(),
              [&](const Trial& a, const Trial& b) { return RanksBefore(objective, a, b); });
  };
  sort_by(Campaign());
  EXPECT_THAT(order(trials), ElementsAre(5, 3, 6, 1, 9, 2, 7, 4, 8, 10, 11));
  std::reverse(trials.begin(), trials.end());
  sort_by(Campaign());
  EXPECT_THAT(order(trials), ElementsAre(5, 3, 6, 1, 9, 2, 7, 4, 8, 10, 11));
  for (const Trial& a : trials) {
    for (const Trial& b : trials) {
      EXPECT_EQ(RankOf(Campaign(), a) < RankOf(Campaign(), b), RanksBefore(Campaign(), a, b))
          << a.number << " and " << b.number;
    }
  }

  Objective minimized = Campaign();
  minimized.direction = Direction::kMinimize;
  sort_by(minimized);
  EXPECT_EQ(trials.front().number, 3);
}

TEST(Ranking, IsAStrictWeakOrder) {
  const std::vector<std::optional<double>> scores = {std::nullopt, kNan, -kInf, 0.5, 0.7};
  std::vector<Trial> trials;
  for (int state = 0; state <= 8; ++state) {
    for (const auto& score : scores) {
      trials.push_back(MakeTrial(static_cast<int64_t>(trials.size()) % 7, score,
                                 static_cast<TrialState>(state)));
    }
  }
  for (const Trial& a : trials) {
    EXPECT_FALSE(RanksBefore(Campaign(), a, a));
    for (const Trial& b : trials) {
      EXPECT_FALSE(RanksBefore(Campaign(), a, b) && RanksBefore(Campaign(), b, a));
      for (const Trial& c : trials) {
        if (RanksBefore(Campaign(), a, b) && RanksBefore(Campaign(), b, c)) {
          EXPECT_TRUE(RanksBefore(Campaign(), a, c));
        }
      }
    }
  }
}

std::vector<EpochReport> Losses(const std::vector<double>& losses) {
  std::vector<EpochReport> reports;
  for (const double loss : losses) {
    reports.push_back(Report(static_cast<int>(reports.size()) + 1, loss, 0.5));
  }
  return reports;
}

// keras/callbacks.py, EarlyStopping.on_epoch_end, transcribed line by line.
int KerasStopsAt(const std::vector<double>& losses, int patience, double min_delta) {
  double best = INFINITY;
  int wait = 0;
  for (size_t epoch = 0; epoch < losses.size(); ++epoch) {
    wait += 1;
    if (losses[epoch] - (-min_delta) < best) {
      best = losses[epoch];
      wait = 0;
    }
    if (wait >= patience) return static_cast<int>(epoch) + 1;
  }
  return 0;
}

TEST(EarlyStopping, StopsWhereKerasStops) {
  const std::vector<std::vector<double>> curves = {
      {3, 2, 1, 1, 1, 1}, {1, 2, 3, 4},         {3, 2.9995, 2.999, 2.9985, 2.998, 2.9975},
      {1, 0.5, 0.9, 0.4}, {kNan, kNan, 1, 0.5}, {1, kNan, kNan, kNan}};
  for (const auto& curve : curves) {
    for (const int patience : {1, 2, 3}) {
      for (const double min_delta : {0.0, 0.001, 0.3}) {
        const EarlyStopping rule{"val_loss", Direction::kMinimize, patience, min_delta};
        int stopped = 0;
        for (size_t n = 1; n <= curve.size() && stopped == 0; ++n) {
          if (ShouldStop(rule, Losses({curve.begin(), curve.begin() + static_cast<long>(n)}))) {
            stopped = static_cast<int>(n);
          }
        }
        EXPECT_EQ(stopped, KerasStopsAt(curve, patience, min_delta))
            << ::testing::PrintToString(curve) << " patience " << patience << " " << min_delta;
      }
    }
  }
}

TEST(EarlyStopping, AnImprovementOfExactlyMinDeltaIsNone) {
  const EarlyStopping rule{"val_loss", Direction::kMinimize, 1, 0.5};
  EXPECT_TRUE(ShouldStop(rule, Losses({2, 1.5})));
  EXPECT_FALSE(ShouldStop(rule, Losses({2, 1.25})));
}

TEST(EarlyStopping, MayMaximize) {
  const EarlyStopping rule{"val_accuracy", Direction::kMaximize, 2, 0};
  std::vector<EpochReport> reports = {Report(1, 1, 0.1), Report(2, 1, 0.2), Report(3, 1, 0.2)};
  EXPECT_FALSE(ShouldStop(rule, reports));
  reports.push_back(Report(4, 1, 0.15));
  EXPECT_TRUE(ShouldStop(rule, reports));
}

TEST(EarlyStopping, PatienceZeroSwitchesItOff) {
  const EarlyStopping rule{"val_loss", Direction::kMinimize, 0, 0};
  EXPECT_FALSE(ShouldStop(rule, Losses({1, 2, 3, 4, 5})));
}

TEST(EarlyStopping, AMissingMetricDoesNotImprove) {
  const EarlyStopping rule{"no_such", Direction::kMinimize, 2, 0};
  EXPECT_FALSE(ShouldStop(rule, Losses({1})));
  EXPECT_TRUE(ShouldStop(rule, Losses({1, 0.5})));
}

}  // namespace
}  // namespace vizsla
