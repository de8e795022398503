// Repeats of configurations and final runs of the best: over a scheduler in memory, which is
// restarted between the steps.
#include <gmock/gmock.h>

#include <set>

#include "src/scheduling/find_trial.h"
#include "src/study/trial_groups.h"
#include "tests/scheduling/harness.h"
#include "tests/scheduling/stored_log.h"

namespace vizsla {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RepeatsTest : public Harness {
 protected:
  RepeatsTest() { worker_ = Register("w"); }

  // The next trial, trained to its end with this score.
  LeaseGrant Train(double accuracy) {
    if (restarts_) {
      Restart();
      worker_ = Register("w");
    }
    const LeaseGrant lease = Acquire(worker_);
    for (int epoch = 1; epoch <= PlannedEpochs(lease.study.spec, lease.trial); ++epoch) {
      EXPECT_TRUE(Report(lease, epoch, accuracy).ok());
    }
    EXPECT_TRUE(Complete(lease).ok());
    return lease;
  }
  int64_t Best() {
    int64_t number = 0;
    EXPECT_TRUE(store_
                    .Read([&](TrialReader& reader) -> absl::Status {
                      VIZSLA_ASSIGN_OR_RETURN(const Study study, reader.FindStudy(""));
                      VIZSLA_ASSIGN_OR_RETURN(const Trial best, FindTrialOrBest(reader, study, 0));
                      number = best.number;
                      return absl::OkStatus();
                    })
                    .ok());
    return number;
  }
  Board GetBoard(int top = 0) { return *scheduler_->GetBoard("", top); }

  WorkerId worker_;
  bool restarts_ = false;
};

constexpr char kTooDeep[] = "the photo has shrunk to nothing";

TEST_F(RepeatsTest, WhatNoWorkerCanTrainIsTriedOnce) {
  StudySpec spec = SmallSpec("dogs", 2, 1);
  spec.repeats = 3;
  Create(spec);
  Completion impossible{AttemptOutcome::kInfeasible, kTooDeep};
  impossible.on_any_worker = true;
  const LeaseGrant lease = Acquire(worker_);
  for (int told = 0; told < 2; ++told) {  // the answer may have been lost
    ASSERT_TRUE(scheduler_->Complete(lease.trial.id, lease.attempt, impossible).ok());
    std::vector<Trial> trials = AllTrials();
    ASSERT_EQ(trials.size(), 3u);
    EXPECT_EQ(trials[0].reason, kTooDeep);
    for (const Trial& trial : trials) EXPECT_EQ(trial.state, TrialState::kInfeasible);
    EXPECT_EQ(trials[2].reason, StrCat("trial 1 has the same configuration: ", kTooDeep));
    EXPECT_EQ(trials[2].finished_at, clock_.Now());
    EXPECT_EQ(trials[2].attempt, AttemptNumber());
  }
  Restart();
  worker_ = Register("w");
  // The next configuration is another thing.
  for (int run = 4; run <= 6; ++run) EXPECT_EQ(Train(0.5).trial.number, run);
  EXPECT_EQ(Best(), 4);
  EXPECT_EQ(GetBoard().study.state, StudyState::kFinished);
  ExpectReplays(store_, "dogs");
}

TEST_F(RepeatsTest, AnotherWorkerMayHaveTheMemoryThatOneLacked) {
  StudySpec spec = SmallSpec("dogs", 1, 1);
  spec.repeats = 2;
  Create(spec);
  ASSERT_TRUE(Complete(Acquire(worker_), AttemptOutcome::kInfeasible, "out of memory").ok());
  EXPECT_EQ(Train(0.5).trial.number, 2);
  EXPECT_EQ(Best(), 2);
}

TEST_F(RepeatsTest, RunsThatHaveBeenTrainedGoOn) {
  StudySpec spec = SmallSpec("dogs", 1, 2);
  spec.repeats = 4;
  Create(spec);
  const LeaseGrant first = Acquire(worker_);
  const LeaseGrant trained = Acquire(Register("v"));
  ASSERT_TRUE(Report(trained, 1, 0.5, /*with_last=*/true).ok());
  ASSERT_TRUE(Complete(trained, AttemptOutcome::kPreempted).ok());
  const WorkerId other = Register("u");
  ASSERT_EQ(Acquire(other).trial.number, 2);
  ASSERT_EQ(Acquire(Register("t")).trial.number, 3);
  const LeaseGrant again = Acquire(other);  // it never got the second one
  ASSERT_EQ(again.trial.number, 2);
  ASSERT_TRUE(Complete(again, AttemptOutcome::kPreempted).ok());
  Completion impossible{AttemptOutcome::kInfeasible, kTooDeep};
  impossible.on_any_worker = true;
  ASSERT_TRUE(scheduler_->Complete(first.trial.id, first.attempt, impossible).ok());
  std::vector<TrialState> states;
  for (const Trial& trial : AllTrials()) states.push_back(trial.state);
  EXPECT_THAT(states, ElementsAre(TrialState::kInfeasible, TrialState::kQueued,
                                  TrialState::kRunning, TrialState::kInfeasible));
  ExpectReplays(store_, "dogs");
}

TEST_F(RepeatsTest, TheRunsOfAConfigurationAreQueuedTogether) {
  StudySpec spec = SmallSpec("dogs", 2, 1);
  spec.repeats = 3;
  spec.enqueue = {{"notebook", "by hand", {{"learning_rate", 0.01}}, {}}};
  Create(spec);
  std::vector<Trial> trials = AllTrials();
  ASSERT_EQ(trials.size(), 3u);
  for (const Trial& trial : trials) {
    EXPECT_EQ(trial.repeat_of, trial.number == 1 ? 0 : 1);
    EXPECT_EQ(trial.name, "notebook");
    EXPECT_EQ(trial.configuration, trials[0].configuration);
    EXPECT_FALSE(trial.final_run);
  }
  EXPECT_EQ(GetBoard().planned_trials, 6) << "two configurations, three runs each";

  for (int i = 0; i < 3; ++i) Train(0.5);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kActive);
  const LeaseGrant sampled = Train(0.6);
  EXPECT_EQ(sampled.trial.number, 4);
  EXPECT_EQ(sampled.trial.repeat_of, 0);
  trials = AllTrials();
  ASSERT_EQ(trials.size(), 6u);
  EXPECT_EQ(trials[4].repeat_of, 4);
  EXPECT_EQ(trials[5].configuration, trials[3].configuration);
  Train(0.7);
  Train(0.8);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
  EXPECT_EQ(AllTrials().size(), 6u);

  const Board board = GetBoard();
  ASSERT_EQ(board.rows.size(), 2u);
  EXPECT_EQ(board.total_rows, 2);
  EXPECT_EQ(board.total_trials, 6);
  EXPECT_EQ(board.rows[0].rank, 1);
  EXPECT_EQ(board.rows[0].trial.number, 6) << "the run with the best score stands for it";
  EXPECT_THAT(board.rows[0].search->trials, ElementsAre(4, 5, 6));
  EXPECT_DOUBLE_EQ(*board.rows[0].search->mean, 0.7);
  EXPECT_NEAR(*board.rows[0].search->half_width, 4.302652729911275 * 0.1 / std::sqrt(3), 1e-9);
  EXPECT_EQ(board.rows[1].search->half_width, 0);
  EXPECT_FALSE(board.rows[0].fresh);
  EXPECT_EQ(GetBoard(1).rows.size(), 1u);
  EXPECT_EQ(GetBoard(1).total_rows, 2);
  EXPECT_EQ(Best(), 6);
}

// The sampler of a study with repeats sees what one without them would see, had each configuration
// scored its mean: it asks for the same configurations.
TEST_F(RepeatsTest, TheSamplerSeesConfigurationsNotRuns) {
  for (const bool restarts : {false, true}) {
    restarts_ = restarts;
    for (const SamplerSpec& sampler : AllSamplers()) {
      if (KindOf(sampler) == SamplerKind::kGrid) continue;
      SCOPED_TRACE(Describe(sampler));
      StudySpec spec = SmallSpec(StrCat("one-", restarts, ToText(KindOf(sampler))), 14, 1);
      spec.sampler = sampler;
      Create(spec);
      std::vector<Configuration> plain;
      for (int i = 0; i < 14; ++i) plain.push_back(Train(0.5 + 0.02 * i).trial.configuration);

      spec.name = StrCat("two-", restarts, ToText(KindOf(sampler)));
      spec.repeats = 2;
      Create(spec);
      std::vector<Configuration> repeated;
      for (int i = 0; i < 14; ++i) {
        repeated.push_back(Train(0.5 + 0.02 * i + 0.125).trial.configuration);
        EXPECT_EQ(Train(0.5 + 0.02 * i - 0.125).trial.configuration, repeated.back());
      }
      EXPECT_EQ(GetStudy(spec.name).state, StudyState::kFinished);
      EXPECT_EQ(repeated, plain);
    }
  }
}

TEST_F(RepeatsTest, AGridEndsWhenEachOfItsConfigurationsHasItsRuns) {
  restarts_ = true;
  StudySpec spec = GridSpec("dogs", 0, 1);
  spec.repeats = 2;
  Create(spec);
  EXPECT_EQ(GetBoard().planned_trials, 8);
  std::map<std::string, int> runs;
  for (int i = 0; i < 8; ++i) ++runs[ToJsonText(Train(0.1 * i).trial.configuration)];
  EXPECT_EQ(runs.size(), 4u);
  for (const auto& [configuration, count] : runs) EXPECT_EQ(count, 2) << configuration;
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
}

TEST_F(RepeatsTest, ARaisedBudgetCountsConfigurations) {
  StudySpec spec = SmallSpec("dogs", 1, 1);
  spec.repeats = 2;
  Create(spec);
  Train(0.5);
  Train(0.6);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
  spec.budget.trials = 2;
  EXPECT_EQ(Create(spec).state, StudyState::kActive);
  EXPECT_EQ(Train(0.5).trial.number, 3);
  Train(0.5);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
}

TEST_F(RepeatsTest, ARepeatHasItsOwnAttemptsAndCheckpoint) {
  StudySpec spec = SmallSpec("dogs", 1, 2);
  spec.repeats = 2;
  Create(spec);
  const LeaseGrant first = Acquire(worker_);
  ASSERT_TRUE(Report(first, 1, 0.5, /*with_last=*/true).ok());
  ASSERT_TRUE(Complete(first, AttemptOutcome::kCrashed).ok());
  const LeaseGrant again = Acquire(worker_);
  EXPECT_EQ(again.trial.number, 1);
  EXPECT_EQ(again.attempt, AttemptNumber(2));
  const LeaseGrant repeat = Acquire(Register("v"));
  EXPECT_EQ(repeat.trial.number, 2);
  EXPECT_EQ(repeat.attempt, AttemptNumber(1));
  EXPECT_EQ(repeat.resume_checkpoint, "");
  EXPECT_THAT(repeat.history, IsEmpty());
}

// The next stage begins from the best configuration, not from the luckiest run.
TEST_F(RepeatsTest, AStageStartsFromTheBestConfigurationsBestRun) {
  restarts_ = true;
  StudySpec spec = GridSpec("dogs", 2, 1);
  spec.repeats = 2;
  Stage stage;
  stage.budget = {2, 1, {}};
  stage.sampler = GridOptions();
  stage.space.parameters = {
      {"unfreeze", CategoricalDomain{{std::string("mixed9"), std::string("mixed8")}}, {}}};
  stage.enqueue = {{"again", "", {}, {InitFrom::Kind::kBest, "", 0}}};
  spec.stages = {stage};
  Create(spec);
  EXPECT_EQ(GetBoard().planned_trials, 8);
  Train(0.9);
  Train(0.1);  // 0.5
  Train(0.6);
  const LeaseGrant source = Train(0.7);  // 0.65
  for (int i = 0; i < 4; ++i) {
    const LeaseGrant lease = Train(0.5);
    EXPECT_EQ(lease.trial.stage, 2);
    EXPECT_EQ(lease.trial.warm_start.trial, source.trial.number);
    EXPECT_EQ(lease.init_checkpoint, Sha256Hex(BestName(source, 1)));
    EXPECT_EQ(lease.trial.repeat_of, i % 2 == 0 ? 0 : lease.trial.number - 1);
  }
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
  EXPECT_EQ(AllTrials().size(), 8u);
}

TEST_F(RepeatsTest, ARepeatOfAWaitingTrialIsMadeWhenItsSourceIsKnown) {
  restarts_ = true;
  StudySpec spec = SmallSpec("dogs", 2, 1);
  spec.repeats = 2;
  spec.enqueue = {{"source", "", {{"learning_rate", 0.01}}, {}},
                  {"tuned", "", {{"dropout", 0.5}}, {InitFrom::Kind::kTrial, "source", 0}}};
  Create(spec);
  ASSERT_EQ(AllTrials().size(), 3u) << "numbers of enqueued trials stay what the file says";
  EXPECT_EQ(AllTrials()[2].repeat_of, 1);
  const LeaseGrant source = Train(0.5);
  ASSERT_EQ(AllTrials().size(), 4u);
  EXPECT_EQ(AllTrials()[3].repeat_of, 2);
  EXPECT_EQ(AllTrials()[3].warm_start, AllTrials()[1].warm_start);
  EXPECT_EQ(AllTrials()[3].warm_start.checkpoint, Sha256Hex(BestName(source, 1)));
  for (int i = 0; i < 3; ++i) Train(0.5);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
}

TEST_F(RepeatsTest, PrunersThatRankOnRungsAreRefused) {
  StudySpec spec = SmallSpec("dogs", 4, 9);
  spec.repeats = 2;
  spec.pruner = AshaOptions();
  const auto created = scheduler_->CreateStudy(spec, Inputs());
  EXPECT_THAT(Message(created.status()), HasSubstr("the asha pruner ranks"));
  spec.repeats = 1;
  spec.final_runs.top = 2;
  EXPECT_TRUE(scheduler_->CreateStudy(spec, Inputs()).ok());
}

// --- final runs ---

TEST_F(RepeatsTest, TheBestAreTrainedAgainOnFreshSeedsAndRankedByThese) {
  restarts_ = true;
  StudySpec spec = GridSpec("dogs", 0, 1);
  spec.final_runs = {2, 2};
  Create(spec);
  EXPECT_EQ(GetBoard().planned_trials, 4 + 2 * 2);
  Train(0.5);
  Train(0.9);  // the luckiest
  Train(0.85);
  EXPECT_EQ(Best(), 2);
  const LeaseGrant last = Train(0.6);
  EXPECT_EQ(last.trial.number, 4);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kActive);
  std::vector<Trial> trials = AllTrials();
  ASSERT_EQ(trials.size(), 8u);
  for (size_t i = 4; i < 8; ++i) {
    EXPECT_TRUE(trials[i].final_run);
    EXPECT_EQ(trials[i].repeat_of, i < 6 ? 2 : 3);
    EXPECT_EQ(trials[i].configuration, trials[i < 6 ? 1 : 2].configuration);
  }
  EXPECT_EQ(GetBoard().planned_trials, 8);
  EXPECT_EQ(Best(), 2) << "none of the final runs has ended";
  EXPECT_EQ(GetBoard().rows[0].fresh->state, TrialState::kQueued);

  Train(0.70);
  Train(0.72);
  EXPECT_EQ(Best(), 6) << "the other finalist goes on";
  Train(0.80);
  Train(0.82);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
  EXPECT_EQ(AllTrials().size(), 8u);
  EXPECT_EQ(Best(), 8);

  const Board board = GetBoard();
  ASSERT_EQ(board.rows.size(), 4u);
  EXPECT_EQ(board.rows[0].trial.number, 8);
  EXPECT_DOUBLE_EQ(*board.rows[0].fresh->mean, 0.81);
  EXPECT_EQ(board.rows[0].search->mean, 0.85) << "what selected it, beside it";
  EXPECT_EQ(board.rows[0].search->half_width, std::nullopt);
  EXPECT_EQ(board.rows[1].trial.number, 6) << "0.71 on fresh seeds, whatever it had before";
  EXPECT_EQ(board.rows[2].trial.number, 4) << "0.6 was not tried again";
  EXPECT_FALSE(board.rows[2].fresh);
  EXPECT_EQ(board.rows[3].rank, 4);
}

TEST_F(RepeatsTest, FinalistsOfRepeatedConfigurationsAreThoseWithTheBestMeans) {
  StudySpec spec = GridSpec("dogs", 2, 1);
  spec.repeats = 2;
  spec.final_runs = {1, 1};
  Create(spec);
  Train(0.9);
  Train(0.1);
  Train(0.6);
  Train(0.6);
  const LeaseGrant fresh = Train(0.55);
  EXPECT_EQ(fresh.trial.repeat_of, 3);
  EXPECT_TRUE(fresh.trial.final_run);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
  EXPECT_EQ(Best(), 5);
}

TEST_F(RepeatsTest, FinalRunsAreNotPrunedAndTheOthersAreThroughByThen) {
  restarts_ = true;
  StudySpec spec = SmallSpec("dogs", 4, 4);
  spec.pruner = AshaOptions{.min_epochs = 1, .eta = 2};
  spec.final_runs = {1, 2};
  Create(spec);
  std::set<int64_t> trained;
  double accuracy = 0.5;
  int fresh_epochs = 0;
  for (int i = 0; i < 40 && GetStudy("dogs").state == StudyState::kActive; ++i) {
    Restart();
    worker_ = Register("w");
    const LeaseGrant lease = Acquire(worker_);
    if (lease.trial.final_run) {
      for (const Trial& trial : AllTrials()) {
        EXPECT_NE(trial.state, TrialState::kPaused) << "trial " << trial.number;
      }
    }
    accuracy -= 0.001;  // each is worse than what there is, so that a pruner would cut it
    AttemptOutcome outcome = AttemptOutcome::kCompleted;
    for (int epoch = lease.trial.last_checkpoint_epoch + 1; epoch <= 4; ++epoch) {
      const auto directive = Report(lease, epoch, accuracy, /*with_last=*/true);
      ASSERT_TRUE(directive.ok()) << directive.status();
      if (lease.trial.final_run) {
        EXPECT_EQ(*directive, ReportDirective::kContinue);
        ++fresh_epochs;
      } else if (*directive == ReportDirective::kPause) {
        outcome = AttemptOutcome::kPaused;
        break;
      }
    }
    EXPECT_TRUE(Complete(lease, outcome).ok());
  }
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
  EXPECT_EQ(fresh_epochs, 8) << "two runs, all epochs";
  EXPECT_EQ(AllTrials().size(), 6u);
}

TEST_F(RepeatsTest, FinalRunsCanBeAddedToAFinishedStudyAndRaised) {
  StudySpec spec = GridSpec("dogs", 3, 1);
  Create(spec);
  for (const double accuracy : {0.5, 0.7, 0.6}) Train(accuracy);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
  spec.final_runs = {1, 1};
  EXPECT_EQ(Create(spec).state, StudyState::kActive);
  EXPECT_EQ(Train(0.55).trial.repeat_of, 2);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
  spec.final_runs = {2, 2};
  EXPECT_EQ(Create(spec).state, StudyState::kActive);
  EXPECT_EQ(Train(0.55).trial.repeat_of, 2) << "one more";
  EXPECT_EQ(Train(0.6).trial.repeat_of, 3);
  EXPECT_EQ(Train(0.6).trial.repeat_of, 3);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
  EXPECT_EQ(Best(), 6);

  spec.final_runs = {1, 2};
  EXPECT_THAT(Message(scheduler_->CreateStudy(spec, Inputs()).status()),
              HasSubstr("can only be raised: final.top is 2, given 1"));
  // The search cannot go on behind its final runs.
  spec.final_runs = {2, 2};
  spec.budget.trials = 4;
  EXPECT_THAT(Message(scheduler_->CreateStudy(spec, Inputs()).status()),
              HasSubstr("the final runs of the best configurations have begun"));
}

TEST_F(RepeatsTest, WithoutAScoreThereIsNothingToTrainAgain) {
  StudySpec spec = SmallSpec("dogs", 1, 1);
  spec.final_runs = {3, 3};
  Create(spec);
  const LeaseGrant lease = Acquire(worker_);
  ASSERT_TRUE(Complete(lease, AttemptOutcome::kFailed, "broken").ok());
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
  EXPECT_EQ(AllTrials().size(), 1u);
  EXPECT_EQ(GetBoard().planned_trials, 1);
}

TEST_F(RepeatsTest, FinalRunsOfALaterStageStartFromTheSameWeights) {
  StudySpec spec = GridSpec("dogs", 1, 1);
  Stage stage;
  stage.budget = {1, 2, {}};
  stage.space.parameters = {{"unfreeze", CategoricalDomain{{std::string("mixed9")}}, {}}};
  spec.stages = {stage};
  spec.final_runs = {1, 2};
  Create(spec);
  const LeaseGrant source = Train(0.5);
  const LeaseGrant tuned = Train(0.7);
  for (int i = 0; i < 2; ++i) {
    const LeaseGrant fresh = Train(0.6);
    EXPECT_TRUE(fresh.trial.final_run);
    EXPECT_EQ(fresh.trial.repeat_of, tuned.trial.number);
    EXPECT_EQ(fresh.trial.stage, 2);
    EXPECT_EQ(fresh.init_checkpoint, Sha256Hex(BestName(source, 1)));
  }
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
}

}  // namespace
}  // namespace vizsla
