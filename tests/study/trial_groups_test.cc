#include "src/study/trial_groups.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

namespace vizsla {
namespace {

using ::testing::ElementsAre;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Trial MakeRun(int64_t number, int64_t repeat_of, TrialState state, std::optional<double> score,
              bool final_run = false) {
  Trial trial;
  trial.number = number;
  trial.repeat_of = repeat_of;
  trial.state = state;
  trial.score = score;
  trial.final_run = final_run;
  trial.epoch = static_cast<int>(number);
  trial.configuration = {{"dropout", 0.1 * static_cast<double>(GroupNumber(trial))}};
  return trial;
}
Trial Done(int64_t number, int64_t repeat_of, double score) {
  return MakeRun(number, repeat_of, TrialState::kCompleted, score);
}
Trial Fresh(int64_t number, int64_t repeat_of, double score) {
  return MakeRun(number, repeat_of, TrialState::kCompleted, score, true);
}
RunsSummary SummaryOf(const std::vector<Trial>& trials) {
  return Summarize(GroupTrials(trials).front().search);
}
// The numbers of the first runs, the best first.
std::vector<int64_t> Order(const std::vector<Trial>& trials) {
  std::vector<TrialGroup> groups = GroupTrials(trials);
  SortByRank(Objective(), groups);
  std::vector<int64_t> numbers;
  for (const TrialGroup& group : groups) numbers.push_back(group.first().number);
  return numbers;
}

TEST(TrialGroups, ASingleRunIsATrialAsItAlwaysWas) {
  std::vector<Trial> trials = {Done(1, 0, 0.5),
                               MakeRun(2, 0, TrialState::kRunning, 0.9),
                               MakeRun(3, 0, TrialState::kDiverged, 0.99),
                               MakeRun(4, 0, TrialState::kQueued, std::nullopt),
                               MakeRun(5, 0, TrialState::kCompleted, kNan),
                               Done(6, 0, 0.5)};
  std::vector<Trial> sorted = trials;
  SortByRank(Objective(), sorted);
  std::vector<int64_t> numbers;
  for (const Trial& trial : sorted) numbers.push_back(trial.number);
  EXPECT_EQ(Order(trials), numbers);
  EXPECT_EQ(FindBestRun(Objective(), trials)->number, 2);
  EXPECT_EQ(FindBest(Objective(), trials)->number, 2);
  EXPECT_EQ(FindBestRun(Objective(), {}), nullptr);
}

TEST(TrialGroups, AGroupRanksByItsMeanOnceAllItsRunsHaveEnded) {
  std::vector<Trial> trials = {Done(1, 0, 0.9), Done(2, 1, 0.5), Done(3, 0, 0.75),
                               Done(4, 3, 0.77)};
  EXPECT_THAT(Order(trials), ElementsAre(3, 1)) << "0.76 before 0.70";
  EXPECT_EQ(FindBestRun(Objective(), trials)->number, 4) << "the better run of the better group";
  const RunsSummary summary = SummaryOf(trials);
  EXPECT_THAT(summary.trials, ElementsAre(1, 2));
  EXPECT_EQ(summary.state, TrialState::kCompleted);
  EXPECT_EQ(summary.scored, 2);
  EXPECT_DOUBLE_EQ(*summary.mean, 0.7);
  EXPECT_NEAR(*summary.half_width, 12.706204736432095 * 0.2, 1e-9);

  // One run goes on: the lucky one does not lead alone.
  trials[1] = MakeRun(2, 1, TrialState::kRunning, 0.99);
  EXPECT_THAT(Order(trials), ElementsAre(3, 1));
  EXPECT_EQ(SummaryOf(trials).mean, std::nullopt);
  EXPECT_EQ(SummaryOf(trials).state, TrialState::kRunning);
  EXPECT_FALSE(HasRank(GroupTrials(trials).front()));
  trials.resize(2);
  EXPECT_EQ(FindBestRun(Objective(), trials), nullptr);
  trials[1].state = TrialState::kQueued;
  EXPECT_EQ(SummaryOf(trials).state, TrialState::kRunning) << "begun";
  trials[0].state = TrialState::kQueued;
  EXPECT_EQ(SummaryOf(trials).state, TrialState::kQueued);
}

TEST(TrialGroups, OneDivergedRunAndTheConfigurationNeverWins) {
  for (const Trial& bad :
       {MakeRun(3, 1, TrialState::kDiverged, 0.95), MakeRun(3, 1, TrialState::kCompleted, kNan),
        MakeRun(3, 1, TrialState::kDiverged, std::nullopt)}) {
    const std::vector<Trial> trials = {Done(1, 0, 0.9), Done(2, 1, 0.9), bad, Done(4, 0, 0.1),
                                       Done(5, 4, 0.1)};
    EXPECT_EQ(SummaryOf(trials).state, TrialState::kDiverged);
    EXPECT_EQ(SummaryOf(trials).mean, std::nullopt);
    EXPECT_EQ(SummaryOf(trials).scored, 2);
    EXPECT_THAT(Order(trials), ElementsAre(4, 1));
    EXPECT_EQ(FindBestRun(Objective(), trials)->number, 4);
  }
}

TEST(TrialGroups, RunsThatSayNothingAreLeftOut) {
  const std::vector<Trial> trials = {MakeRun(1, 0, TrialState::kFailed, 0.99),
                                     MakeRun(2, 1, TrialState::kInfeasible, std::nullopt),
                                     MakeRun(3, 1, TrialState::kCancelled, 0.98), Done(4, 1, 0.5),
                                     MakeRun(5, 1, TrialState::kPruned, 0.3)};
  const RunsSummary summary = SummaryOf(trials);
  EXPECT_EQ(summary.scored, 2);
  EXPECT_DOUBLE_EQ(*summary.mean, 0.4) << "a pruned run counts with what it had";
  EXPECT_EQ(summary.state, TrialState::kPruned);
  EXPECT_EQ(FindBestRun(Objective(), trials)->number, 4);
  const Trial one = AsOneTrial(GroupTrials(trials).front().search);
  EXPECT_EQ(one.epoch, 4) << "the fewest of those that count";
  EXPECT_DOUBLE_EQ(*one.score, 0.4);
  EXPECT_EQ(one.number, 1);

  const std::vector<Trial> none = {MakeRun(1, 0, TrialState::kFailed, 0.99),
                                   MakeRun(2, 1, TrialState::kCancelled, 0.9)};
  EXPECT_EQ(SummaryOf(none).state, TrialState::kFailed);
  EXPECT_EQ(SummaryOf(none).mean, std::nullopt);
  EXPECT_EQ(FindBestRun(Objective(), none), nullptr);
}

TEST(TrialGroups, FinalRunsAloneRankThoseThatHaveThem) {
  std::vector<Trial> trials = {Done(1, 0, 0.95),  Done(2, 0, 0.9),   Done(3, 0, 0.85),
                               Fresh(4, 1, 0.80), Fresh(5, 1, 0.82), Fresh(6, 2, 0.84),
                               Fresh(7, 2, 0.83)};
  EXPECT_THAT(Order(trials), ElementsAre(2, 1, 3))
      << "the score that selected them does not count, nor does 0.85 pass those tried again";
  EXPECT_EQ(FindBestRun(Objective(), trials)->number, 6);

  // While its final runs go on, a configuration stands with what selected it.
  trials[6] = MakeRun(7, 2, TrialState::kRunning, 0.99, true);
  EXPECT_THAT(Order(trials), ElementsAre(1, 2, 3));
  EXPECT_EQ(FindBestRun(Objective(), trials)->number, 5);
  trials[4].state = TrialState::kQueued;
  EXPECT_EQ(FindBestRun(Objective(), trials)->number, 1);

  // Final runs that diverge: it is out.
  trials[3].state = trials[4].state = trials[6].state = TrialState::kDiverged;
  EXPECT_THAT(Order(trials), ElementsAre(3, 1, 2));
  EXPECT_EQ(FindBestRun(Objective(), trials)->number, 3);
}

TEST(TrialGroups, LossesAreMinimizedAndTiesGoToTheEarlierConfiguration) {
  Objective loss;
  loss.direction = loss.select_direction = Direction::kMinimize;
  const std::vector<Trial> trials = {Done(1, 0, 0.5), Done(2, 1, 0.1), Done(3, 0, 0.3),
                                     Done(4, 3, 0.3)};
  EXPECT_EQ(FindBestRun(loss, trials)->number, 2);
  const std::vector<Trial> fresh = {Done(1, 0, 0.5), Done(2, 0, 0.6), Fresh(3, 2, 0.7),
                                    Fresh(4, 1, 0.7)};
  EXPECT_THAT(Order(fresh), ElementsAre(1, 2));
}

}  // namespace
}  // namespace vizsla
