// Warm starts, stages one after another, edited names and notes: over a scheduler in memory.
#include <gmock/gmock.h>

#include "src/scheduling/stage_policy.h"
#include "tests/scheduling/harness.h"

namespace vizsla {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ParameterValue Word(const char* word) { return std::string(word); }
InitFrom Named(const std::string& name) { return {InitFrom::Kind::kTrial, name, 0}; }
InitFrom Best() { return {InitFrom::Kind::kBest, "", 0}; }

// Four configurations of a head, then `trials` of how it is unfrozen.
StudySpec TransferThenTune(int64_t trials) {
  StudySpec spec = GridSpec("dogs", 4, 1);
  Stage stage;
  stage.name = "fine-tune";
  stage.budget = {trials, 2, {}};
  stage.space.parameters = {
      {"unfreeze", CategoricalDomain{{Word("mixed9"), Word("mixed8"), Word("mixed7")}}, {}},
      {"rate", FloatDomain{1e-5, 1e-3, true, {}}, {}}};
  spec.stages = {stage};
  return spec;
}

class StagesTest : public Harness {
 protected:
  StagesTest() { worker_ = Register("w"); }

  // Trains the next trial to its end, with this accuracy in each epoch.
  LeaseGrant Train(double accuracy) {
    const LeaseGrant lease = Acquire(worker_);
    for (int epoch = 1; epoch <= PlannedEpochs(lease.study.spec, lease.trial); ++epoch) {
      EXPECT_TRUE(Report(lease, epoch, accuracy - 0.001 * epoch).ok());
    }
    EXPECT_TRUE(Complete(lease).ok());
    return lease;
  }
  Acquired AcquireNothing(WorkerId worker) {
    const auto acquired = scheduler_->Acquire(worker, 1);
    EXPECT_TRUE(acquired.ok()) << acquired.status();
    EXPECT_THAT(acquired->leases, IsEmpty());
    return *acquired;
  }
  Trial FindTrial(int64_t number) {
    Trial trial;
    EXPECT_TRUE(store_
                    .Read([&](TrialReader& reader) -> absl::Status {
                      VIZSLA_ASSIGN_OR_RETURN(const Study study, reader.FindStudy(""));
                      VIZSLA_ASSIGN_OR_RETURN(trial, reader.FindTrial(study.id, number));
                      return absl::OkStatus();
                    })
                    .ok())
        << "trial " << number;
    return trial;
  }
  int64_t TrialCount() { return scheduler_->GetBoard("", 0)->total_trials; }
  std::string BestOf(const LeaseGrant& lease) { return Sha256Hex(BestName(lease, 1)); }

  WorkerId worker_;
};

// --- enqueued trials that start from others ---

StudySpec Chain() {
  StudySpec spec = SmallSpec("dogs", 4, 1);
  spec.enqueue = {{"tuned", "", {{"learning_rate", 0.01}}, Named("transfer")},
                  {"transfer", "", {{"learning_rate", 0.02}, {"dropout", 0.4}}, {}},
                  {"again", "", {{"units", int64_t{3}}}, Named("tuned")}};
  return spec;
}

TEST_F(StagesTest, ATrialWaitsForItsSourceAndStartsFromItsBest) {
  Create(Chain());
  const LeaseGrant transfer = Acquire(worker_);
  EXPECT_EQ(transfer.trial.number, 2) << "the first that waits for nobody";
  EXPECT_EQ(transfer.init_checkpoint, "");
  EXPECT_TRUE(IsWaiting(FindTrial(1)));
  // The sampler goes on meanwhile.
  const LeaseGrant sampled = Acquire(Register("v"));
  EXPECT_EQ(sampled.trial.number, 4);
  const Acquired nothing = AcquireNothing(Register("u"));
  EXPECT_FALSE(nothing.nothing_left) << "the waiting ones will come";

  ASSERT_TRUE(Report(transfer, 1, 0.5).ok());
  ASSERT_TRUE(Complete(transfer).ok());
  const LeaseGrant tuned = Acquire(worker_);
  EXPECT_EQ(tuned.trial.number, 1);
  EXPECT_EQ(tuned.init_checkpoint, BestOf(transfer));
  EXPECT_EQ(tuned.trial.warm_start, (WarmStart{WarmStart::Kind::kTrial, 2, BestOf(transfer)}));
  EXPECT_EQ(tuned.trial.configuration, (Configuration{{"learning_rate", 0.01}, {"dropout", 0.4}}));
  EXPECT_EQ(tuned.resume_checkpoint, "");
  EXPECT_TRUE(IsWaiting(FindTrial(3)));

  // Another attempt starts from the same bytes, and resumes too.
  ASSERT_TRUE(Report(tuned, 1, 0.6, /*with_last=*/true).ok());
  ASSERT_TRUE(Complete(tuned, AttemptOutcome::kPreempted).ok());
  const LeaseGrant second = Acquire(worker_);
  EXPECT_EQ(second.trial.number, 1);
  EXPECT_EQ(second.init_checkpoint, BestOf(transfer));
  EXPECT_EQ(second.resume_checkpoint, Sha256Hex(LastName(tuned, 1)));
  ASSERT_TRUE(Complete(second).ok());

  const LeaseGrant again = Train(0.7);
  EXPECT_EQ(again.trial.number, 3);
  EXPECT_EQ(again.init_checkpoint, Sha256Hex(BestName(tuned, 1)));
  EXPECT_EQ(again.trial.configuration,
            (Configuration{{"learning_rate", 0.01}, {"dropout", 0.4}, {"units", int64_t{3}}}));
  ASSERT_TRUE(Report(sampled, 1, 0.1).ok());
  ASSERT_TRUE(Complete(sampled).ok());
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
}

TEST_F(StagesTest, WhoseSourceFailsIsInfeasibleAndTheStudyGoesOn) {
  StudySpec spec = Chain();
  spec.max_crashes = 1;
  Create(spec);
  const LeaseGrant transfer = Acquire(worker_);
  ASSERT_TRUE(Report(transfer, 1, 0.5).ok());
  ASSERT_TRUE(Complete(transfer, AttemptOutcome::kFailed, "out of luck").ok());
  const Trial tuned = FindTrial(1);
  EXPECT_EQ(tuned.state, TrialState::kInfeasible);
  EXPECT_EQ(tuned.reason, "its source, trial 2 (transfer), ended as failed: out of luck");
  EXPECT_TRUE(tuned.finished_at.has_value());
  EXPECT_EQ(FindTrial(3).state, TrialState::kInfeasible);
  EXPECT_EQ(FindTrial(3).reason,
            "its source, trial 1 (tuned), ended as infeasible: its source, trial 2 (transfer), "
            "ended as failed: out of luck");
  EXPECT_EQ(Train(0.3).trial.number, 4);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
  EXPECT_TRUE(AcquireNothing(worker_).nothing_left);
}

TEST_F(StagesTest, BestOfTheFirstStageIsTheBestOfAllThatDoNotWaitForIt) {
  StudySpec spec = SmallSpec("dogs", 5, 1);
  spec.enqueue = {{"from best", "", {{"units", int64_t{3}}}, Best()},
                  {"a", "", {{"learning_rate", 0.01}}, {}},
                  {"after", "", {{"units", int64_t{4}}}, Named("from best")}};
  Create(spec);
  const LeaseGrant a = Train(0.4);
  const LeaseGrant b = Train(0.8);
  EXPECT_EQ(a.trial.number, 2);
  EXPECT_EQ(b.trial.number, 4);
  EXPECT_TRUE(IsWaiting(FindTrial(1))) << "one is still to come";
  const LeaseGrant c = Acquire(worker_);
  EXPECT_EQ(c.trial.number, 5);
  AcquireNothing(Register("v"));
  EXPECT_TRUE(IsWaiting(FindTrial(1))) << "one is still running";
  ASSERT_TRUE(Report(c, 1, 0.6).ok());
  ASSERT_TRUE(Complete(c).ok());
  const LeaseGrant best = Train(0.9);
  EXPECT_EQ(best.trial.number, 1);
  EXPECT_EQ(best.init_checkpoint, BestOf(b));
  Configuration expected = b.trial.configuration;
  expected["units"] = int64_t{3};
  EXPECT_EQ(best.trial.configuration, expected);
  EXPECT_EQ(Train(0.9).trial.number, 3);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
}

TEST_F(StagesTest, ASourcesCheckpointThatIsGoneIsNamed) {
  StudySpec spec = Chain();
  spec.budget.trials = 3;
  Create(spec);
  const LeaseGrant transfer = Train(0.5);
  ASSERT_TRUE(artifacts_.Remove(BestOf(transfer)).ok());
  const Acquired nothing = AcquireNothing(worker_);
  EXPECT_TRUE(nothing.nothing_left);
  EXPECT_EQ(FindTrial(1).state, TrialState::kInfeasible);
  EXPECT_EQ(FindTrial(1).reason,
            "the checkpoint of trial 2 that it starts from (" + BestOf(transfer) + ") is gone");
  EXPECT_EQ(FindTrial(3).state, TrialState::kInfeasible);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
}

TEST_F(StagesTest, WhatATrialStartsFromIsNotSwept) {
  Create(Chain());
  const LeaseGrant transfer = Train(0.5);
  const LeaseGrant tuned = Acquire(worker_);
  Run(std::chrono::seconds(1));
  Advance(std::chrono::hours(3));
  ASSERT_TRUE(scheduler_->Tick().ok());
  Advance(std::chrono::hours(3));
  ASSERT_TRUE(scheduler_->Tick().ok());
  EXPECT_TRUE(artifacts_.Exists(tuned.init_checkpoint));
}

TEST_F(StagesTest, SubmissionsThatNobodyCanFollowAreRefused) {
  StudySpec spec = Chain();
  spec.enqueue[1].init_from = Named("again");
  const absl::Status refused = scheduler_->CreateStudy(spec, Inputs()).status();
  EXPECT_TRUE(absl::IsInvalidArgument(refused));
  EXPECT_THAT(Message(refused), HasSubstr("stage 1, enqueued trial 1: init_from: forms a circle"));
  StudySpec staged = TransferThenTune(0);
  EXPECT_THAT(Message(scheduler_->CreateStudy(staged, Inputs()).status()),
              HasSubstr("stage 2 (fine-tune): budget.trials is 0"));
  staged = TransferThenTune(2);
  staged.stages[0].sampler = GridOptions();
  EXPECT_THAT(Message(scheduler_->CreateStudy(staged, Inputs()).status()),
              HasSubstr("stage 2 (fine-tune): parameter rate: the grid sampler cannot walk"));
}

// The grid has four configurations; the second stage's entries are the trials 5, 6 and 7.
TEST_F(StagesTest, ANumberThatNoTrialBeforeTheStageHasIsInfeasibleAndTheStudyEnds) {
  StudySpec spec = GridSpec("dogs", 0, 1);
  Stage stage;
  stage.budget = {1, 1, {}};
  stage.enqueue = {{"", "", {}, {InitFrom::Kind::kTrial, "", 5}}};
  spec.stages = {stage};
  Create(spec);
  for (int i = 0; i < 4; ++i) Train(0.5);
  EXPECT_EQ(FindTrial(5).state, TrialState::kInfeasible);
  EXPECT_EQ(FindTrial(5).reason, "its source, trial 5, never came to be");
  EXPECT_TRUE(FindTrial(5).finished_at.has_value());
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
  EXPECT_TRUE(AcquireNothing(worker_).nothing_left);
}

TEST_F(StagesTest, EntriesThatNameEachOthersNumbersDoNotWaitForEver) {
  StudySpec spec = GridSpec("dogs", 0, 1);
  Stage stage;
  stage.budget = {4, 1, {}};
  stage.space.parameters = {{"dropout", FloatDomain{0.1, 0.5, false, {}}, {}}};
  stage.sampler = RandomOptions();
  stage.enqueue = {{"", "", {}, {InitFrom::Kind::kTrial, "", 6}},
                   {"second", "", {}, {InitFrom::Kind::kTrial, "", 5}},
                   {"third", "", {}, Named("second")}};
  spec.stages = {stage};
  Create(spec);
  for (int i = 0; i < 4; ++i) Train(0.5);
  EXPECT_EQ(FindTrial(5).reason, "its source, trial 6, never came to be");
  EXPECT_EQ(FindTrial(6).reason, "its source, trial 5, never came to be");
  EXPECT_EQ(FindTrial(7).state, TrialState::kInfeasible);
  EXPECT_EQ(FindTrial(7).reason,
            "its source, trial 6 (second), ended as infeasible: its source, trial 5, never came to "
            "be");
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kActive);
  EXPECT_EQ(Train(0.6).trial.number, 8) << "the sampler's one goes on";
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
}

// --- stages ---

TEST_F(StagesTest, TheSecondBeginsWhenTheFirstHasEndedAndVariesItsBest) {
  Create(TransferThenTune(3));
  EXPECT_EQ(*scheduler_->GetBoard("dogs", 0)->planned_trials, 7);
  Train(0.4);
  const LeaseGrant best = Train(0.8);
  Train(0.6);
  const LeaseGrant last = Acquire(worker_);
  EXPECT_EQ(last.trial.number, 4);
  EXPECT_EQ(last.trial.stage, 1);
  EXPECT_FALSE(AcquireNothing(Register("v")).nothing_left);
  ASSERT_TRUE(Report(last, 1, 0.5).ok());
  ASSERT_TRUE(Complete(last).ok());

  std::set<std::string> drawn;
  for (int64_t number = 5; number <= 7; ++number) {
    EXPECT_EQ(GetStudy("dogs").state, StudyState::kActive);
    const LeaseGrant tuned = Train(0.85);
    EXPECT_EQ(tuned.trial.number, number);
    EXPECT_EQ(tuned.trial.stage, 2);
    EXPECT_EQ(tuned.init_checkpoint, BestOf(best));
    EXPECT_EQ(tuned.trial.warm_start,
              (WarmStart{WarmStart::Kind::kBest, best.trial.number, BestOf(best)}));
    for (const auto& [name, value] : best.trial.configuration) {
      EXPECT_EQ(tuned.trial.configuration.at(name), value) << "the head that won is kept";
    }
    EXPECT_EQ(tuned.trial.configuration.size(), best.trial.configuration.size() + 2);
    drawn.insert(ToJsonText(tuned.trial.configuration));
    EXPECT_EQ(FindTrial(number).epoch, 2) << "the stage's epochs";
  }
  EXPECT_EQ(drawn.size(), 3u);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
  EXPECT_TRUE(AcquireNothing(worker_).nothing_left);
}

TEST_F(StagesTest, ReportsBeyondTheTrialsOwnEpochsAreRefused) {
  StudySpec spec = TransferThenTune(1);
  spec.stages[0].enqueue = {{"", "", {{"epochs", int64_t{1}}}, Best()}};
  Create(spec);
  for (int i = 0; i < 4; ++i) Train(0.5);
  const LeaseGrant lease = Acquire(worker_);
  ASSERT_TRUE(Report(lease, 1, 0.5).ok());
  EXPECT_THAT(Message(Report(lease, 2, 0.6).status()),
              HasSubstr("epoch 2 is outside the trial's budget of 1 epochs"));
}

TEST_F(StagesTest, EnqueuedTrialsOfAStageComeFirstAndMayNameTheirSource) {
  StudySpec spec = TransferThenTune(4);
  spec.enqueue = {{"by hand", "", {{"pooling", Word("avg")}, {"units", int64_t{9}}}, {}}};
  spec.budget.trials = 2;
  spec.stages[0].enqueue = {{"of best", "", {{"unfreeze", Word("mixed9")}}, Best()},
                            {"of hand", "", {{"unfreeze", Word("mixed8")}}, Named("by hand")},
                            {"of of hand", "", {{"rate", 1e-4}}, Named("of hand")},
                            {"fresh", "", {{"unfreeze", Word("mixed7")}}, {}}};
  Create(spec);
  const LeaseGrant hand = Train(0.4);
  const LeaseGrant other = Acquire(worker_);
  EXPECT_FALSE(AcquireNothing(Register("early")).nothing_left);
  EXPECT_EQ(TrialCount(), 2) << "the first stage is not over";
  ASSERT_TRUE(Report(other, 1, 0.8).ok());
  ASSERT_TRUE(Complete(other).ok());
  EXPECT_EQ(TrialCount(), 6) << "the enqueued ones are there as soon as the stage begins";
  const LeaseGrant of_best = Acquire(worker_);
  EXPECT_EQ(of_best.trial.name, "of best");
  EXPECT_EQ(of_best.init_checkpoint, BestOf(other));
  const LeaseGrant of_hand = Acquire(Register("v"));
  EXPECT_EQ(of_hand.trial.name, "of hand");
  EXPECT_EQ(of_hand.init_checkpoint, BestOf(hand));
  EXPECT_EQ(of_hand.trial.configuration,
            (Configuration{
                {"pooling", Word("avg")}, {"units", int64_t{9}}, {"unfreeze", Word("mixed8")}}));
  const LeaseGrant fresh = Acquire(Register("u"));
  EXPECT_EQ(fresh.trial.name, "fresh") << "the third waits for the second";
  EXPECT_EQ(fresh.init_checkpoint, "");
  EXPECT_EQ(fresh.trial.warm_start,
            (WarmStart{WarmStart::Kind::kBestConfiguration, other.trial.number, ""}));
  EXPECT_EQ(fresh.trial.configuration.at("units"), other.trial.configuration.at("units"));
  ASSERT_TRUE(Report(of_hand, 1, 0.7).ok());
  ASSERT_TRUE(Complete(of_hand).ok());
  const LeaseGrant third = Acquire(Register("t"));
  EXPECT_EQ(third.trial.name, "of of hand");
  EXPECT_EQ(third.trial.warm_start.trial, of_hand.trial.number);
}

TEST_F(StagesTest, AStageMayStartAfreshWithTheBestConfigurations) {
  StudySpec spec = GridSpec("dogs", 4, 1);
  Stage longer;
  longer.init_weights = false;
  longer.top = 2;
  longer.budget = {3, 2, {}};
  spec.stages = {longer};
  Create(spec);
  Train(0.4);
  const LeaseGrant best = Train(0.8);
  const LeaseGrant second = Train(0.6);
  Train(0.5);
  const LeaseGrant first_again = Train(0.9);
  EXPECT_EQ(first_again.trial.configuration, best.trial.configuration);
  EXPECT_EQ(first_again.init_checkpoint, "");
  const LeaseGrant second_again = Train(0.7);
  EXPECT_EQ(second_again.trial.configuration, second.trial.configuration);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished)
      << "nothing is left to vary: two of three are all there are";
  EXPECT_EQ(TrialCount(), 6);
}

TEST_F(StagesTest, TheBestOnesTakeTurnsAndAGridIsWalkedOnEach) {
  StudySpec spec = GridSpec("dogs", 3, 1);
  Stage stage;
  stage.top = 2;
  stage.sampler = GridOptions();
  stage.budget = {0, 1, {}};
  stage.space.parameters = {{"unfreeze", CategoricalDomain{{Word("none"), Word("all")}}, {}},
                            {"momentum",
                             CategoricalDomain{{0.1, 0.2}},
                             {{"unfreeze", {Word("all")}}, {"pooling", {Word("max")}}}}};
  spec.stages = {stage};
  Create(spec);
  const LeaseGrant avg = Train(0.8);  // pooling avg, units 1
  Train(0.1);                         // avg, 2
  const LeaseGrant max = Train(0.6);  // max, 1
  ASSERT_EQ(max.trial.configuration.at("pooling"), Word("max"));
  std::vector<int64_t> sources;
  std::set<std::string> seen;
  while (GetStudy("dogs").state == StudyState::kActive) {
    const LeaseGrant lease = Train(0.2);
    sources.push_back(lease.trial.warm_start.trial);
    seen.insert(ToJsonText(lease.trial.configuration));
    ASSERT_LT(sources.size(), 10u);
  }
  // avg: none, all. max: none, all with two momenta.
  EXPECT_THAT(sources, ElementsAre(1, 3, 1, 3, 3));
  EXPECT_EQ(seen.size(), 5u);
}

TEST_F(StagesTest, ManyStagesFollowEachOther) {
  StudySpec spec = TransferThenTune(1);
  Stage polish;
  polish.budget = {2, 1, {}};
  polish.space.parameters = {{"dropout",
                              FloatDomain{0.1, 0.5, false, {}},
                              {{"unfreeze", {Word("mixed7"), Word("mixed8"), Word("mixed9")}}}}};
  spec.stages.push_back(polish);
  Create(spec);
  const LeaseGrant head = Train(0.9);
  for (int i = 0; i < 3; ++i) Train(0.3);
  Train(0.5);  // stage 2 is worse than the best head
  const LeaseGrant polished = Train(0.6);
  EXPECT_EQ(polished.trial.stage, 3);
  EXPECT_EQ(polished.trial.warm_start.trial, head.trial.number) << "the best of all stages before";
  EXPECT_FALSE(polished.trial.configuration.contains("dropout"))
      << "the winner has no unfreeze: the condition cannot hold";
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
}

TEST_F(StagesTest, NoStageBeginsWithoutASource) {
  Create(TransferThenTune(2));
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(Complete(Acquire(worker_), AttemptOutcome::kInfeasible, "too large").ok());
  }
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
  EXPECT_EQ(TrialCount(), 4);
  WorkerInfo info = Info("x");
  info.study = "dogs";
  EXPECT_EQ(AcquireNothing(*scheduler_->RegisterWorker(info)).explanation,
            "study 'dogs' has finished; stage 2 (fine-tune) never began: no trial ended with a "
            "score and a checkpoint");
}

TEST_F(StagesTest, ARestartInTheMiddleChangesNothing) {
  const auto play = [&](bool restart) {
    std::vector<std::string> trained;
    const std::string name = restart ? "restarted" : "undisturbed";
    StudySpec spec = TransferThenTune(4);
    spec.name = name;
    spec.stages[0].top = 2;
    Create(spec);
    for (int i = 0; i < 8; ++i) {
      if (restart) {
        Restart();
        worker_ = Register("w");
      }
      const LeaseGrant lease = Train(0.1 * (i * 5 % 4));
      trained.push_back(StrCat(lease.trial.number, " ", lease.trial.stage, " ",
                               lease.trial.warm_start.trial, " ",
                               ToJsonText(lease.trial.configuration)));
    }
    EXPECT_EQ(GetStudy(name).state, StudyState::kFinished);
    return trained;
  };
  EXPECT_EQ(play(false), play(true));
}

TEST_F(StagesTest, ALostLeaseOfALaterStageKeepsItsSource) {
  Create(TransferThenTune(2));
  for (int i = 0; i < 4; ++i) Train(0.1 * i);
  const LeaseGrant lost = Acquire(worker_);
  ASSERT_EQ(lost.trial.stage, 2);
  Restart();
  Run(std::chrono::seconds(40));  // nobody beats
  const LeaseGrant again = Acquire(Register("v"));
  EXPECT_EQ(again.trial.id, lost.trial.id);
  EXPECT_EQ(again.attempt, AttemptNumber(2));
  EXPECT_EQ(again.init_checkpoint, lost.init_checkpoint);
  EXPECT_EQ(again.trial.configuration, lost.trial.configuration);
}

// --- budgets ---

TEST_F(StagesTest, TheBudgetOfTheLastStageMayBeRaised) {
  StudySpec spec = TransferThenTune(1);
  Create(spec);
  for (int i = 0; i < 5; ++i) Train(0.1 * i);
  ASSERT_EQ(GetStudy("dogs").state, StudyState::kFinished);
  spec.stages[0].budget.trials = 3;
  const auto raised = scheduler_->CreateStudy(spec, Inputs());
  ASSERT_TRUE(raised.ok()) << raised.status();
  EXPECT_EQ(raised->study.state, StudyState::kActive);
  EXPECT_EQ(Train(0.5).trial.stage, 2);
  EXPECT_EQ(Train(0.5).trial.number, 7);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
}

TEST_F(StagesTest, TheBudgetOfAStageThatIsOverMayNot) {
  StudySpec spec = TransferThenTune(2);
  spec.budget.trials = 2;
  Create(spec);
  StudySpec raised = spec;
  raised.budget.trials = 3;
  Train(0.2);
  ASSERT_TRUE(scheduler_->CreateStudy(raised, Inputs()).ok()) << "it is still going on";
  Train(0.3);
  EXPECT_EQ(Train(0.4).trial.stage, 1);
  EXPECT_EQ(Train(0.5).trial.stage, 2);
  raised.budget.trials = 4;
  const absl::Status refused = scheduler_->CreateStudy(raised, Inputs()).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_EQ(Message(refused),
            "the trials and epochs of stage 1 can no longer be raised: stage 2 (fine-tune) has "
            "begun from its best trials; raise those of stage 2 (fine-tune) or make another study");
  raised.budget.trials = 3;
  raised.budget.wall_time = std::nullopt;
  EXPECT_TRUE(scheduler_->CreateStudy(raised, Inputs()).ok());
  raised.stages[0].budget.trials = 1;
  EXPECT_EQ(Message(scheduler_->CreateStudy(raised, Inputs()).status()),
            "stage 2 (fine-tune): a study's budget can only be raised: trials is 2, given 1");
}

TEST_F(StagesTest, AFirstStageWithoutAWinnerMayBeRaised) {
  StudySpec spec = TransferThenTune(1);
  spec.budget.trials = 1;
  Create(spec);
  ASSERT_TRUE(Complete(Acquire(worker_), AttemptOutcome::kInfeasible, "too large").ok());
  ASSERT_EQ(GetStudy("dogs").state, StudyState::kFinished);
  spec.budget.trials = 2;
  ASSERT_TRUE(scheduler_->CreateStudy(spec, Inputs()).ok());
  EXPECT_EQ(Train(0.5).trial.stage, 1);
  EXPECT_EQ(Train(0.5).trial.stage, 2);
}

TEST_F(StagesTest, WallTimeEndsAllStages) {
  StudySpec spec = TransferThenTune(2);
  spec.budget.wall_time = std::chrono::seconds(20);
  Create(spec);
  for (int i = 0; i < 4; ++i) Train(0.1 * i);
  const LeaseGrant lease = Acquire(worker_);
  for (int64_t i = 0; i < 25; ++i) {
    Beat(worker_, lease, i + 1);
    Run(std::chrono::seconds(1));
  }
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
  EXPECT_EQ(FindTrial(5).state, TrialState::kQueued);
  spec.budget.wall_time = std::chrono::seconds(200);
  ASSERT_TRUE(scheduler_->CreateStudy(spec, Inputs()).ok());
  EXPECT_EQ(Acquire(worker_).trial.id, lease.trial.id);
}

// --- names and notes ---

class NotesTest : public StagesTest {
 protected:
  absl::StatusOr<EditedNotes> Edit(const NotesEdit& edit) { return scheduler_->EditNotes(edit); }
};

TEST_F(NotesTest, OfATrialAreEditedWhileItRuns) {
  Create(Chain());
  const LeaseGrant lease = Acquire(worker_);
  NotesEdit edit;
  edit.study = "dogs";
  edit.trial = lease.trial.number;
  edit.name = "head only";
  edit.notes = "An idea.";
  const auto edited = Edit(edit);
  ASSERT_TRUE(edited.ok()) << edited.status();
  EXPECT_EQ(edited->trial->name, "head only");
  edit.name.reset();
  edit.notes = "A conclusion.";
  edit.append = true;
  ASSERT_TRUE(Edit(edit).ok());
  ASSERT_TRUE(Report(lease, 1, 0.5).ok());
  ASSERT_TRUE(Complete(lease).ok());
  EXPECT_EQ(GetTrial(lease.trial.id).name, "head only");
  EXPECT_EQ(GetTrial(lease.trial.id).notes, "An idea.\nA conclusion.");
  EXPECT_EQ(GetTrial(lease.trial.id).state, TrialState::kCompleted);
  // `init_from: transfer` means the entry, whatever it is called by now.
  EXPECT_EQ(Acquire(worker_).trial.warm_start.trial, lease.trial.number);
  edit.trial = 0;  // the best
  edit.append = false;
  edit.notes = "";
  EXPECT_EQ(Edit(edit)->trial->number, lease.trial.number);
  EXPECT_EQ(GetTrial(lease.trial.id).notes, "");
}

TEST_F(NotesTest, OfAStudyOutliveTheSameSubmissionButNotNewerWords) {
  StudySpec spec = SmallSpec("dogs", 2, 1);
  spec.notes = "as submitted";
  Create(spec);
  EXPECT_EQ(GetStudy("dogs").notes, "as submitted");
  NotesEdit edit;
  edit.notes = "as edited";
  ASSERT_TRUE(Edit(edit).ok());
  ASSERT_TRUE(scheduler_->CreateStudy(spec, Inputs()).ok());
  EXPECT_EQ(GetStudy("dogs").notes, "as edited") << "the same words are no news";
  spec.budget.trials = 5;
  ASSERT_TRUE(scheduler_->CreateStudy(spec, Inputs()).ok());
  EXPECT_EQ(GetStudy("dogs").notes, "as edited");
  spec.notes = "as submitted later";
  ASSERT_TRUE(scheduler_->CreateStudy(spec, Inputs()).ok());
  EXPECT_EQ(GetStudy("dogs").notes, "as submitted later") << "the last writer wins";
}

TEST_F(NotesTest, BadEditsGetASentence) {
  Create(SmallSpec("dogs", 2, 1));
  const auto refused = [&](const NotesEdit& edit) { return Message(Edit(edit).status()); };
  NotesEdit edit;
  EXPECT_EQ(refused(edit), "say what is to be changed: a name, or notes");
  edit.name = "x";
  EXPECT_THAT(refused(edit), HasSubstr("a study is known by its name: rename it instead"));
  edit.trial = 7;
  EXPECT_EQ(refused(edit), "the study has no trial 7");
  edit.trial = 0;
  EXPECT_THAT(refused(edit), HasSubstr("has no trial with a score yet"));
  edit.name = "two\nlines";
  EXPECT_EQ(refused(edit), "a name is one line of text; notes may have several");
  edit.name = std::string(201, 'x');
  EXPECT_THAT(refused(edit), HasSubstr("a name has at most 200 bytes, not 201"));
  edit = {};
  edit.study = "cats";
  edit.notes = "x";
  EXPECT_EQ(refused(edit), "there is no study 'cats'");
  edit.study = "dogs";
  edit.notes = std::string((64 << 10) + 1, 'x');
  EXPECT_THAT(refused(edit), HasSubstr("notes have at most 65536 bytes"));
}

}  // namespace
}  // namespace vizsla
