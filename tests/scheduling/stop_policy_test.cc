#include "src/scheduling/stop_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace vizsla {
namespace {

using ::testing::HasSubstr;
using Kind = StopDecision::Kind;

StudySpec SpecWith(const StopRules& rules) {
  StudySpec spec;
  spec.name = "dogs";
  spec.stop = rules;
  return spec;
}

Trial Ended(int64_t number, TrialState state, std::optional<double> score, int stage = 1) {
  Trial trial;
  trial.number = number;
  trial.stage = stage;
  trial.state = state;
  trial.score = score;
  if (IsFinished(state)) trial.finished_at = FromUnixMillis(1000 * number);
  return trial;
}

TEST(StopPolicy, NothingStopsAStudyWithoutRules) {
  StopProgress progress;
  progress.epochs = 1'000'000;
  progress.ended = 1'000'000;
  progress.target_trial = 3;
  EXPECT_EQ(DecideStop(SpecWith({}), progress).kind, Kind::kGoOn);
}

TEST(StopPolicy, TheFirstReportAtTheTargetEndsTheStudy) {
  const StudySpec spec = SpecWith({.target = 0.9});
  StopProgress progress;
  progress = AfterReport(spec, progress, Ended(1, TrialState::kRunning, 0.8999), true, false);
  EXPECT_EQ(DecideStop(spec, progress).kind, Kind::kGoOn);
  progress = AfterReport(spec, progress, Ended(2, TrialState::kRunning, 0.99), true, true);
  EXPECT_EQ(DecideStop(spec, progress).kind, Kind::kGoOn) << "the run has diverged";
  progress = AfterReport(spec, progress,
                         Ended(3, TrialState::kRunning, std::numeric_limits<double>::infinity()),
                         true, false);
  EXPECT_EQ(DecideStop(spec, progress).kind, Kind::kGoOn);
  progress = AfterReport(spec, progress, Ended(17, TrialState::kRunning, 0.9), true, false);
  progress = AfterReport(spec, progress, Ended(4, TrialState::kRunning, 0.95), true, false);
  const StopDecision decision = DecideStop(spec, progress);
  EXPECT_EQ(decision.kind, Kind::kEndStudy);
  EXPECT_EQ(decision.reason, "target 0.9 reached by trial 17 (0.9)");
  EXPECT_EQ(progress.epochs, 5);
}

TEST(StopPolicy, ATargetOfALossIsReachedFromAbove) {
  StudySpec spec = SpecWith({.target = 0.1});
  spec.objective.metric = "val_loss";
  spec.objective.direction = Direction::kMinimize;
  StopProgress progress;
  progress = AfterReport(spec, progress, Ended(1, TrialState::kRunning, 0.11), true, false);
  EXPECT_EQ(progress.target_trial, 0);
  progress = AfterReport(spec, progress, Ended(1, TrialState::kRunning, 0.1), true, false);
  EXPECT_EQ(progress.target_trial, 1);
}

TEST(StopPolicy, AnEpochThatIsRunAgainCountsOnce) {
  const StudySpec spec = SpecWith({.target = {}, .epochs = 2});
  StopProgress progress;
  const Trial trial = Ended(1, TrialState::kRunning, 0.5);
  progress = AfterReport(spec, progress, trial, /*new_epoch=*/true, false);
  progress = AfterReport(spec, progress, trial, /*new_epoch=*/false, false);
  EXPECT_EQ(DecideStop(spec, progress).kind, Kind::kGoOn);
  progress = AfterReport(spec, progress, trial, /*new_epoch=*/true, false);
  EXPECT_EQ(DecideStop(spec, progress).reason, "all 2 epochs of stop.epochs are spent");
}

TEST(StopPolicy, OnlyWhatTellsOfTheSearchCounts) {
  const StudySpec spec = SpecWith({.target = {}, .no_improvement_trials = 3, .min_delta = 0.125});
  StopProgress progress;
  const auto end = [&](TrialState state, std::optional<double> score) {
    progress = AfterEnd(spec, progress, Ended(1, state, score));
    return DecideStop(spec, progress).kind;
  };
  EXPECT_EQ(end(TrialState::kCompleted, 0.5), Kind::kGoOn);
  EXPECT_EQ(end(TrialState::kFailed, 0.5), Kind::kGoOn);
  EXPECT_EQ(end(TrialState::kInfeasible, std::nullopt), Kind::kGoOn);
  EXPECT_EQ(end(TrialState::kCancelled, 0.4), Kind::kGoOn);
  EXPECT_EQ(end(TrialState::kQueued, 0.9), Kind::kGoOn);
  EXPECT_EQ(progress.ended, 0);
  EXPECT_EQ(end(TrialState::kDiverged, 0.99), Kind::kGoOn);
  EXPECT_EQ(end(TrialState::kCompleted, 0.625), Kind::kGoOn) << "not by more than min_delta";
  EXPECT_EQ(progress.ended, 2);
  EXPECT_EQ(end(TrialState::kPaused, 0.75), Kind::kGoOn) << "an improvement, though it goes on";
  EXPECT_EQ(progress.ended, 0);
  EXPECT_EQ(end(TrialState::kPaused, 0.3), Kind::kGoOn);
  EXPECT_EQ(progress.ended, 0) << "it has not ended";
  EXPECT_EQ(end(TrialState::kPruned, 0.3), Kind::kGoOn);
  EXPECT_EQ(end(TrialState::kCompleted, std::numeric_limits<double>::quiet_NaN()), Kind::kGoOn);
  EXPECT_EQ(end(TrialState::kCompleted, 0.75), Kind::kEndStudy);
  EXPECT_EQ(DecideStop(spec, progress).reason, "no improvement in 3 trials on 0.75");
}

TEST(StopPolicy, NoImprovementEndsAStageAndTheNextBeginsToCountAnew) {
  StudySpec spec = SpecWith({.target = {}, .no_improvement_trials = 1});
  spec.stages.emplace_back();
  StopProgress progress;
  progress = AfterEnd(spec, progress, Ended(1, TrialState::kCompleted, 0.5));
  progress = AfterEnd(spec, progress, Ended(2, TrialState::kCompleted, 0.4));
  EXPECT_EQ(DecideStop(spec, progress).kind, Kind::kEndStage);
  progress.stages_over = 1;
  EXPECT_EQ(DecideStop(spec, progress).kind, Kind::kGoOn) << "it is over already";
  progress = AfterEnd(spec, progress, Ended(3, TrialState::kCompleted, 0.2, 2));
  EXPECT_EQ(DecideStop(spec, progress).kind, Kind::kGoOn) << "the stage's first is its best";
  progress = AfterEnd(spec, progress, Ended(2, TrialState::kCompleted, 0.1));
  EXPECT_EQ(DecideStop(spec, progress).kind, Kind::kGoOn) << "a straggler of the stage before";
  progress = AfterEnd(spec, progress, Ended(4, TrialState::kCompleted, 0.2, 2));
  EXPECT_EQ(DecideStop(spec, progress).kind, Kind::kEndStudy);
}

// Counting event by event and counting all anew must agree.
TEST(StopPolicy, CountingAnewIsCountingAsItHappened) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    StudySpec spec = SpecWith({.target = 0.95, .no_improvement_trials = 4, .min_delta = 0.02});
    spec.stages.resize(round % 3);
    StopProgress as_it_happened;
    std::vector<Trial> trials;
    int64_t epochs = 0;
    int stage = 1;
    for (int64_t number = 1; number <= 40; ++number) {
      if (stage < StageCount(spec) && random() % 15 == 0) {
        as_it_happened.stages_over = stage;
        ++stage;
      }
      constexpr TrialState kEnds[] = {TrialState::kCompleted, TrialState::kPruned,
                                      TrialState::kDiverged, TrialState::kFailed,
                                      TrialState::kCancelled};
      const Trial trial =
          Ended(number, kEnds[random() % 5], static_cast<double>(random() % 1000) / 1000, stage);
      Trial running = trial;
      running.state = TrialState::kRunning;
      const bool diverged = trial.state == TrialState::kDiverged;
      // One that failed or was cancelled after it reached the target would have ended the study.
      if (!MayWin(trial) && !diverged) running.score = std::nullopt;
      as_it_happened = AfterReport(spec, as_it_happened, running, true, diverged);
      as_it_happened = AfterEnd(spec, as_it_happened, trial);
      ++epochs;
      trials.push_back(trial);
    }
    StopProgress anew = CountAnew(spec, trials, epochs);
    EXPECT_EQ(anew.stages_over, anew.stage - 1);
    anew.stages_over = as_it_happened.stages_over;
    EXPECT_EQ(anew, as_it_happened) << round;
  }
}

TEST(StopPolicy, RulesAreLoosenedOnly) {
  const StopRules stored{
      .target = 0.9, .no_improvement_trials = 10, .min_delta = 0.1, .epochs = 50};
  const auto loosened = [&](const StopRules& given, Direction direction = Direction::kMaximize) {
    return LoosenStopRules(stored, given, direction);
  };
  EXPECT_EQ(loosened(stored).value(), stored);
  EXPECT_EQ(loosened({}).value(), StopRules()) << "no rule at all is the loosest";
  StopRules given = stored;
  given.target = 0.95;
  given.no_improvement_trials = 11;
  given.min_delta = 0;
  given.epochs = 51;
  EXPECT_EQ(loosened(given).value(), given);

  given = stored;
  given.target = 0.85;
  EXPECT_THAT(std::string(loosened(given).status().message()),
              HasSubstr("stop.target is 0.9, given 0.85"));
  EXPECT_TRUE(loosened(given, Direction::kMinimize).ok()) << "a lower loss is farther away";
  given = stored;
  given.epochs = 49;
  EXPECT_TRUE(absl::IsFailedPrecondition(loosened(given).status()));
  given = stored;
  given.no_improvement_trials = 9;
  EXPECT_TRUE(absl::IsFailedPrecondition(loosened(given).status()));
  given = stored;
  given.min_delta = 0.2;
  EXPECT_TRUE(absl::IsFailedPrecondition(loosened(given).status()));
  EXPECT_THAT(std::string(LoosenStopRules({}, {.target = {}, .epochs = 5}, Direction::kMaximize)
                              .status()
                              .message()),
              HasSubstr("stop.epochs is none, given 5"));
}

TEST(StopPolicy, RulesReadBackFromJsonAndAreNoPartOfTheHash) {
  StudySpec spec =
      SpecWith({.target = 0.9, .no_improvement_trials = 3, .min_delta = 0.5, .epochs = 7});
  spec.space.parameters.push_back({"dropout", FloatDomain{0, 1}, {}});
  spec.learn_from = {"old", "older"};
  EXPECT_EQ(StudySpecFromJsonText(ToJsonText(spec)).value(), spec);
  StudySpec other = spec;
  other.stop = {};
  EXPECT_EQ(ImmutableHash(spec), ImmutableHash(other));
  EXPECT_THAT(ToJsonText(other), ::testing::Not(HasSubstr("stop\"")));
  other.learn_from = {"old"};
  EXPECT_NE(ImmutableHash(spec), ImmutableHash(other));
}

}  // namespace
}  // namespace vizsla
