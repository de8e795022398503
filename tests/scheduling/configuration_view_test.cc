#include "src/scheduling/configuration_view.h"

#include <gtest/gtest.h>

namespace vizsla {
namespace {

Trial MakeRun(int64_t number, int64_t repeat_of, TrialState state,
              std::optional<double> score = {}) {
  Trial trial;
  trial.number = number;
  trial.repeat_of = repeat_of;
  trial.state = state;
  trial.score = score;
  trial.epoch = 3;
  return trial;
}

TEST(ConfigurationView, WithoutRepeatsTrialsAreWhatTheyAre) {
  for (const bool repeated : {false, true}) {
    ConfigurationView view(repeated);
    EXPECT_EQ(view.next_number(), 1);
    EXPECT_EQ(view.Add(MakeRun(1, 0, TrialState::kRunning, 0.5))->number, 1);
    EXPECT_EQ(view.Add(MakeRun(2, 0, TrialState::kQueued))->number, 2);
    EXPECT_EQ(view.Add(MakeRun(1, 0, TrialState::kCompleted, 0.7))->score, 0.7);
    EXPECT_EQ(view.next_number(), 3);
    Trial final_run = MakeRun(3, 1, TrialState::kQueued);
    final_run.final_run = true;
    EXPECT_EQ(view.Add(final_run), std::nullopt);
    EXPECT_EQ(view.next_number(), 3);
  }
}

TEST(ConfigurationView, AGroupIsOnePendingTrialThenItsMean) {
  ConfigurationView view(/*repeated=*/true);
  for (int64_t number = 1; number <= 3; ++number) {
    EXPECT_EQ(view.Add(MakeRun(number, number == 1 ? 0 : 1, TrialState::kQueued))->number, 1);
  }
  EXPECT_EQ(view.Add(MakeRun(4, 0, TrialState::kQueued))->number, 2) << "numbers have no gaps";
  EXPECT_EQ(view.next_number(), 3);

  std::optional<Trial> seen = view.Add(MakeRun(1, 0, TrialState::kCompleted, 0.9));
  EXPECT_EQ(seen->state, TrialState::kRunning) << "pending";
  EXPECT_FALSE(seen->score);
  view.Add(MakeRun(3, 1, TrialState::kFailed));
  seen = view.Add(MakeRun(2, 1, TrialState::kCompleted, 0.5));
  EXPECT_EQ(seen->state, TrialState::kCompleted);
  EXPECT_DOUBLE_EQ(*seen->score, 0.7);
  EXPECT_EQ(seen->number, 1);

  Trial fresh = MakeRun(5, 1, TrialState::kCompleted, 0.1);
  fresh.final_run = true;
  EXPECT_FALSE(view.Add(fresh));
  EXPECT_EQ(view.next_number(), 3);
}

}  // namespace
}  // namespace vizsla
