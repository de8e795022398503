#include "src/study/trial.h"

#include <gtest/gtest.h>

#include <set>

namespace vizsla {
namespace {

constexpr int kStateCount = 9;

TEST(TrialState, WordsRoundTrip) {
  std::set<std::string> words;
  for (int i = 0; i < kStateCount; ++i) {
    const auto state = static_cast<TrialState>(i);
    EXPECT_EQ(*TrialStateFromText(ToText(state)), state);
    words.insert(std::string(ToText(state)));
  }
  EXPECT_EQ(words.size(), 9u);
  EXPECT_EQ(ToText(TrialState::kInfeasible), "infeasible");
  EXPECT_FALSE(TrialStateFromText("QUEUED").ok());
}

// The arrows of the design: QUEUED -> RUNNING -> ends; RUNNING <-> queue; PAUSED -> QUEUED; QUEUED
// -> INFEASIBLE when its source failed.
TEST(TrialState, MovesOnlyAlongTheArrows) {
  using S = TrialState;
  const std::set<std::pair<S, S>> arrows = {
      {S::kQueued, S::kRunning},    {S::kQueued, S::kCancelled},  {S::kRunning, S::kQueued},
      {S::kRunning, S::kPaused},    {S::kRunning, S::kCompleted}, {S::kRunning, S::kPruned},
      {S::kRunning, S::kFailed},    {S::kRunning, S::kDiverged},  {S::kRunning, S::kInfeasible},
      {S::kRunning, S::kCancelled}, {S::kPaused, S::kQueued},     {S::kPaused, S::kPruned},
      {S::kPaused, S::kCancelled},  {S::kQueued, S::kInfeasible},
  };
  for (int from = 0; from < kStateCount; ++from) {
    for (int to = 0; to < kStateCount; ++to) {
      const auto a = static_cast<S>(from);
      const auto b = static_cast<S>(to);
      EXPECT_EQ(CanMove(a, b), arrows.contains({a, b})) << ToText(a) << " -> " << ToText(b);
    }
    const auto state = static_cast<S>(from);
    EXPECT_EQ(IsFinished(state),
              state != S::kQueued && state != S::kRunning && state != S::kPaused);
  }
}

TEST(IsWaiting, UntilTheSourceIsDecided) {
  Trial trial;
  EXPECT_FALSE(IsWaiting(trial));
  trial.warm_start = {WarmStart::Kind::kTrial, 3, ""};
  EXPECT_TRUE(IsWaiting(trial)) << "its source is known, but not its checkpoint";
  trial.warm_start.checkpoint = "hash";
  EXPECT_FALSE(IsWaiting(trial));
  trial.warm_start = {WarmStart::Kind::kBest, 0, ""};
  EXPECT_TRUE(IsWaiting(trial));
  trial.warm_start = {WarmStart::Kind::kBestConfiguration, 0, ""};
  EXPECT_TRUE(IsWaiting(trial));
  trial.warm_start.trial = 2;
  EXPECT_FALSE(IsWaiting(trial)) << "no weights are wanted";
  trial.warm_start = {WarmStart::Kind::kBest, 0, ""};
  trial.state = TrialState::kInfeasible;
  EXPECT_FALSE(IsWaiting(trial));
}

TEST(AttemptOutcome, HasAWordForEach) {
  std::set<std::string> words;
  for (int i = 0; i <= static_cast<int>(AttemptOutcome::kCancelled); ++i) {
    words.insert(std::string(ToText(static_cast<AttemptOutcome>(i))));
  }
  EXPECT_EQ(words.size(), 10u);
  EXPECT_EQ(ToText(AttemptOutcome::kPreempted), "preempted");
  EXPECT_EQ(ToText(AttemptOutcome::kInfeasible), "infeasible");
  EXPECT_EQ(ToText(AttemptOutcome::kCrashed), "crashed");
}

}  // namespace
}  // namespace vizsla
