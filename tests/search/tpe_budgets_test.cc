// TPE with trials that were cut short at rungs: BOHB.
#include <gtest/gtest.h>

#include <cmath>

#include "src/search/tpe_sampler.h"

namespace vizsla {
namespace {

constexpr char kMetric[] = "x";

SearchSpace Line() { return {{{kMetric, FloatDomain{0, 1, false, {}}, {}}}}; }

// What looks best after one epoch, near 0.1, is the worst after nine, when 0.9 is the best.
double Loss(double x, int epoch) {
  const double early = std::abs(x - 0.1);
  const double late = std::abs(x - 0.9);
  return epoch >= 9 ? late : early + 0.5;
}

Trial MakeTrial(int64_t number, double x, TrialState state, int epoch) {
  Trial trial;
  trial.number = number;
  trial.configuration = {{kMetric, x}};
  trial.state = state;
  trial.epoch = epoch;
  if (epoch > 0) trial.score = Loss(x, epoch);
  return trial;
}

class TpeBudgetsTest : public ::testing::Test {
 protected:
  static TpeSampler Make(std::vector<int> rungs) {
    return TpeSampler(Line(), TpeOptions{.startup_trials = 4}, Direction::kMinimize, 1, rungs);
  }
  // Trained up to `epoch`, and what it was worth at the rungs on its way.
  static void Add(TpeSampler& sampler, int64_t number, double x, TrialState state, int epoch) {
    for (const int rung : {1, 3}) {
      if (rung <= epoch) {
        sampler.ObserveReport(number, rung, AttemptNumber(1), Loss(x, rung));
      }
    }
    sampler.Observe(MakeTrial(number, x, state, epoch));
  }
  static double MeanSuggestion(TpeSampler& sampler) {
    double sum = 0;
    for (int64_t number = 1000; number < 1100; ++number) {
      sum += std::get<double>((*sampler.Suggest(number))->at(kMetric));
    }
    return sum / 100;
  }
};

TEST_F(TpeBudgetsTest, TheLargestBudgetWithEnoughValuesGivesTheModel) {
  TpeSampler sampler = Make({1, 3});
  EXPECT_EQ(sampler.ModelledBudget(), 1) << "nothing is known yet";
  for (int64_t i = 1; i <= 8; ++i)
    Add(sampler, i, 0.1 * static_cast<double>(i), TrialState::kPaused, 1);
  EXPECT_EQ(sampler.ModelledBudget(), 1);
  for (int64_t i = 1; i <= 3; ++i)
    Add(sampler, i, 0.1 * static_cast<double>(i), TrialState::kPaused, 3);
  EXPECT_EQ(sampler.ModelledBudget(), 1) << "one dimension needs four";
  Add(sampler, 4, 0.4, TrialState::kPruned, 3);
  EXPECT_EQ(sampler.ModelledBudget(), 3);
  for (int64_t i = 1; i <= 4; ++i) {
    Add(sampler, i, 0.1 * static_cast<double>(i), TrialState::kCompleted, 9);
  }
  EXPECT_EQ(sampler.ModelledBudget(), 0) << "whole trials";
}

TEST_F(TpeBudgetsTest, AReportCountsOnceItsRowHasGotThere) {
  TpeSampler sampler = Make({1, 3});
  for (int64_t i = 1; i <= 4; ++i) {
    const double x = 0.2 * static_cast<double>(i);
    sampler.ObserveReport(i, 3, AttemptNumber(1), Loss(x, 3));
    sampler.Observe(MakeTrial(i, x, TrialState::kRunning, 2));  // lost its epoch 3 in a crash
  }
  EXPECT_EQ(sampler.ModelledBudget(), 1);
  for (int64_t i = 1; i <= 4; ++i) {
    sampler.Observe(MakeTrial(i, 0.2 * static_cast<double>(i), TrialState::kRunning, 3));
  }
  EXPECT_EQ(sampler.ModelledBudget(), 3);
}

TEST_F(TpeBudgetsTest, OrderAndRepetitionsDoNotMatter) {
  TpeSampler forward = Make({1, 3}), backward = Make({1, 3});
  for (int64_t i = 1; i <= 20; ++i) {
    Add(forward, i, 0.05 * static_cast<double>(i), TrialState::kPaused, i % 3 == 0 ? 3 : 1);
  }
  for (int64_t i = 20; i >= 1; --i) {
    const double x = 0.05 * static_cast<double>(i);
    const int epoch = i % 3 == 0 ? 3 : 1;
    forward.Observe(MakeTrial(i, x, TrialState::kPaused, epoch));
    backward.Observe(MakeTrial(i, x, TrialState::kQueued, 0));
    Add(backward, i, x, TrialState::kPaused, epoch);
    backward.ObserveReport(i, 1, AttemptNumber(0), 99);  // of an older attempt
  }
  for (int64_t number = 21; number < 40; ++number) {
    EXPECT_EQ(*forward.Suggest(number), *backward.Suggest(number));
  }
}

TEST_F(TpeBudgetsTest, LowBudgetsDoNotMislead) {
  // Forty trials were cut short after an epoch, most of them where that looks best; eight were
  // trained to their end.
  const auto fill = [](TpeSampler& sampler) {
    for (int64_t i = 1; i <= 40; ++i) {
      Add(sampler, i, i % 4 == 0 ? 0.9 : 0.05 + 0.005 * static_cast<double>(i), TrialState::kPruned,
          1);
    }
    for (int64_t i = 41; i <= 48; ++i) {
      Add(sampler, i, 0.12 * static_cast<double>(i - 40), TrialState::kCompleted, 9);
    }
  };
  TpeSampler budgets = Make({1, 3});
  fill(budgets);
  EXPECT_EQ(budgets.ModelledBudget(), 0);
  EXPECT_GT(MeanSuggestion(budgets), 0.7);

  // Before anything has completed there is nothing better than the lowest budget to go by.
  TpeSampler early = Make({1, 3});
  for (int64_t i = 1; i <= 40; ++i) {
    Add(early, i, 0.025 * static_cast<double>(i), TrialState::kPaused, 1);
  }
  EXPECT_LT(MeanSuggestion(early), 0.4);
}

TEST_F(TpeBudgetsTest, TrialsCutShortAreNotBadAtLargerBudgets) {
  // At 0.9 many trials were cut short, and nothing else is known of that region; of the whole ones
  // those nearest to it are the best. Without budgets the ones cut short count as bad.
  const auto fill = [](TpeSampler& sampler) {
    for (int64_t i = 1; i <= 40; ++i) {
      Add(sampler, i, 0.85 + 0.0025 * static_cast<double>(i), TrialState::kPruned, 1);
    }
    for (int64_t i = 41; i <= 60; ++i) {
      Add(sampler, i, 0.04 * static_cast<double>(i - 40), TrialState::kCompleted, 9);
    }
  };
  TpeSampler budgets = Make({1, 3});
  TpeSampler plain = Make({});
  fill(budgets);
  fill(plain);
  EXPECT_GT(MeanSuggestion(budgets), MeanSuggestion(plain) + 0.02);
}

TEST_F(TpeBudgetsTest, TheRandomFractionIsDrawnAtRandom) {
  TpeSampler sampler(Line(), TpeOptions{.startup_trials = 4, .random_fraction = 1.0 / 3},
                     Direction::kMinimize, 1, {});
  for (int64_t i = 1; i <= 50; ++i) {
    Add(sampler, i, 0.02 * static_cast<double>(i), TrialState::kCompleted, 9);
  }
  int far = 0;
  for (int64_t number = 1000; number < 1600; ++number) {
    far += std::get<double>((*sampler.Suggest(number))->at(kMetric)) < 0.5;
  }
  EXPECT_NEAR(far, 100, 45);  // half of a third; the model's draws lie near 0.9
}

}  // namespace
}  // namespace vizsla
