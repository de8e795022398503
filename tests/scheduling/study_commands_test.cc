// Creating, resuming, stopping, renaming and deleting studies; wall time; boards.
#include <gmock/gmock.h>

#include "tests/scheduling/harness.h"

namespace vizsla {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StudyCommandsTest : public Harness {
 protected:
  // Runs one trial to its end.
  LeaseGrant RunTrial(WorkerId worker, double accuracy) {
    const LeaseGrant lease = Acquire(worker);
    for (int epoch = 1; epoch <= lease.study.spec.budget.epochs; ++epoch) {
      EXPECT_TRUE(Report(lease, epoch, accuracy).ok());
    }
    EXPECT_TRUE(Complete(lease).ok());
    return lease;
  }
  // Beats each second, with progress.
  void Train(WorkerId worker, const LeaseGrant& lease, int seconds) {
    for (int i = 0; i < seconds; ++i) {
      EXPECT_EQ(Beat(worker, lease, ++steps_), ReportDirective::kContinue) << i;
      Run(std::chrono::seconds(1));
    }
  }
  // As the board shows it, and as it is stored after the next commit.
  Milliseconds ActiveTime(const std::string& study) {
    return scheduler_->GetBoard(study, 0)->study.active_time;
  }
  absl::Status Submit(const StudySpec& spec) {
    return scheduler_->CreateStudy(spec, Inputs()).status();
  }
  int64_t steps_ = 0;
};

TEST_F(StudyCommandsTest, TheSameSubmissionResumes) {
  const StudySpec spec = SmallSpec("dogs", 2, 1);
  const auto first = scheduler_->CreateStudy(spec, Inputs());
  EXPECT_TRUE(first->created);
  RunTrial(Register("w"), 0.5);
  const auto second = scheduler_->CreateStudy(spec, Inputs());
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_FALSE(second->created);
  EXPECT_EQ(second->study.id, first->study.id);
  EXPECT_EQ(scheduler_->GetBoard("dogs", 0)->total_trials, 1);
  RunTrial(Register("w"), 0.5);
  const auto finished = scheduler_->CreateStudy(spec, Inputs());
  EXPECT_EQ(finished->study.state, StudyState::kFinished);
}

TEST_F(StudyCommandsTest, AnotherSpecificationIsRefusedWithADiff) {
  StudySpec spec = SmallSpec("dogs", 2, 1);
  Create(spec);
  spec.seed = 77;
  spec.space.parameters[0].domain = FloatDomain{1e-3, 1e-1, true, {}};
  const absl::Status refused = Submit(spec);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_THAT(Message(refused), HasSubstr("study 'dogs' exists with another specification"));
  EXPECT_THAT(Message(refused), HasSubstr("seed: 1 -> 77"));
  EXPECT_THAT(Message(refused), HasSubstr("parameters.learning_rate"));
}

TEST_F(StudyCommandsTest, OtherInputsAreRefused) {
  const StudySpec spec = SmallSpec("dogs", 2, 1);
  Create(spec);
  PinnedInputs inputs = Inputs();
  inputs.dataset_fingerprint = "photos-2";
  EXPECT_EQ(Message(scheduler_->CreateStudy(spec, inputs).status()),
            "study 'dogs': the data set is not the one the study is pinned to (fingerprint "
            "photos-1, given photos-2)");
  inputs = Inputs();
  inputs.split_hash = artifacts_.Add("another split");
  EXPECT_THAT(Message(scheduler_->CreateStudy(spec, inputs).status()),
              HasSubstr("the split is not the one the study is pinned to"));
  inputs = Inputs();
  inputs.weights_hash = "";
  EXPECT_THAT(Message(scheduler_->CreateStudy(spec, inputs).status()), HasSubstr("given none)"));
}

TEST_F(StudyCommandsTest, IncompleteSubmissionsAreRefused) {
  const auto refused = [&](const StudySpec& spec, const PinnedInputs& inputs) {
    const auto created = scheduler_->CreateStudy(spec, inputs);
    EXPECT_FALSE(created.ok());
    return Message(created.status());
  };
  const StudySpec good = SmallSpec("dogs", 2, 1);
  StudySpec spec = good;
  spec.name = "";
  EXPECT_THAT(refused(spec, Inputs()), HasSubstr("the study's name: "));
  spec.name = "../dogs";
  EXPECT_THAT(refused(spec, Inputs()), HasSubstr("the study's name: "));
  spec = good;
  spec.budget.trials = 0;
  EXPECT_EQ(refused(spec, Inputs()), "budget.trials is 0; at least 1 is needed");
  spec = good;
  spec.budget.epochs = 0;
  EXPECT_EQ(refused(spec, Inputs()), "budget.epochs is 0; at least 1 is needed");
  spec = good;
  spec.budget.wall_time = std::chrono::seconds(0);
  EXPECT_THAT(refused(spec, Inputs()), HasSubstr("budget.wall_time"));
  spec = good;
  spec.max_crashes = 0;
  EXPECT_EQ(refused(spec, Inputs()), "max_crashes is 0; at least 1 is needed");
  spec = good;
  spec.sampler = GridOptions();
  EXPECT_THAT(refused(spec, Inputs()), HasSubstr("learning_rate")) << "no grid of a continuum";
  PinnedInputs inputs = Inputs();
  inputs.dataset_fingerprint = "";
  EXPECT_EQ(refused(good, inputs), "the study is pinned to no data set");
  inputs = Inputs();
  inputs.split_hash = std::string(64, 'd');
  EXPECT_THAT(refused(good, inputs), HasSubstr("the study's split (dddd"));
  inputs = Inputs();
  inputs.weights_hash = std::string(64, 'e');
  EXPECT_THAT(refused(good, inputs), HasSubstr("is not stored; upload it first"));
  EXPECT_TRUE(absl::IsNotFound(scheduler_->GetBoard("dogs", 0).status()));
}

TEST_F(StudyCommandsTest, BudgetsAreRaisedNotLowered) {
  StudySpec spec = SmallSpec("dogs", 1, 2);
  Create(spec);
  const WorkerId worker = Register("w");
  RunTrial(worker, 0.5);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
  spec.budget.trials = 3;
  spec.budget.epochs = 4;
  spec.notes = "more";
  const auto raised = scheduler_->CreateStudy(spec, Inputs());
  ASSERT_TRUE(raised.ok()) << raised.status();
  EXPECT_EQ(raised->study.state, StudyState::kActive);
  EXPECT_FALSE(raised->study.finished_at.has_value());
  EXPECT_EQ(GetStudy("dogs").spec, spec);
  const LeaseGrant lease = RunTrial(worker, 0.6);
  EXPECT_EQ(lease.trial.number, 2);
  EXPECT_EQ(GetTrial(lease.trial.id).epoch, 4);
  spec.budget.trials = 2;
  EXPECT_THAT(Message(Submit(spec)), HasSubstr("can only be raised: trials is 3, given 2"));
  EXPECT_EQ(GetStudy("dogs").spec.budget.trials, 3);
}

TEST_F(StudyCommandsTest, MoreEpochsAloneDoNotReopenAStudy) {
  StudySpec spec = SmallSpec("dogs", 1, 2);
  Create(spec);
  RunTrial(Register("w"), 0.5);
  spec.budget.epochs = 9;
  const auto raised = scheduler_->CreateStudy(spec, Inputs());
  EXPECT_EQ(raised->study.state, StudyState::kFinished);
  EXPECT_EQ(GetStudy("dogs").spec.budget.epochs, 9);
}

TEST_F(StudyCommandsTest, StopGivesTrialsBackAndResumeGoesOn) {
  const StudySpec spec = SmallSpec("dogs", 2, 5);
  Create(spec);
  const WorkerId worker = Register("w");
  const LeaseGrant lease = Acquire(worker);
  ASSERT_TRUE(Report(lease, 1, 0.5).ok());
  EXPECT_EQ(scheduler_->StopStudy("dogs")->state, StudyState::kStopped);
  EXPECT_TRUE(scheduler_->StopStudy("dogs").ok());
  EXPECT_EQ(Beat(worker, lease, 5), ReportDirective::kPreempt);
  EXPECT_EQ(*Report(lease, 2, 0.6, true), ReportDirective::kPreempt);
  EXPECT_EQ(Complete(lease, AttemptOutcome::kPreempted)->state, TrialState::kQueued);
  EXPECT_TRUE(scheduler_->Acquire(worker, 1)->nothing_left);
  Run(std::chrono::seconds(100));
  EXPECT_EQ(GetTrial(lease.trial.id).state, TrialState::kQueued);
  EXPECT_EQ(scheduler_->ResumeStudy("dogs")->state, StudyState::kActive);
  EXPECT_EQ(Acquire(worker).trial.last_checkpoint_epoch, 2);
  // Submitting it again resumes it too.
  ASSERT_TRUE(scheduler_->StopStudy("dogs").ok());
  EXPECT_EQ(scheduler_->CreateStudy(spec, Inputs())->study.state, StudyState::kActive);
}

TEST_F(StudyCommandsTest, FinishedStudiesAreNeitherStoppedNorResumed) {
  Create(SmallSpec("dogs", 1, 1));
  RunTrial(Register("w"), 0.5);
  EXPECT_THAT(Message(scheduler_->StopStudy("dogs").status()), HasSubstr("nothing to stop"));
  EXPECT_THAT(Message(scheduler_->ResumeStudy("dogs").status()), HasSubstr("raise its budget"));
  EXPECT_TRUE(absl::IsNotFound(scheduler_->StopStudy("cats").status()));
  EXPECT_TRUE(absl::IsNotFound(scheduler_->ResumeStudy("cats").status()));
}

TEST_F(StudyCommandsTest, PausedTrialsArePrunedAtTheEnd) {
  Create(SmallSpec("dogs", 2, 9));
  const WorkerId worker = Register("w");
  const LeaseGrant paused = Acquire(worker);
  ASSERT_TRUE(Report(paused, 1, 0.5, true).ok());
  EXPECT_EQ(Complete(paused, AttemptOutcome::kPaused)->state, TrialState::kPaused);
  EXPECT_TRUE(Has(LastName(paused, 1)));
  RunTrial(worker, 0.6);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
  EXPECT_EQ(GetTrial(paused.trial.id).state, TrialState::kPruned);
  EXPECT_FALSE(Has(LastName(paused, 1)));
  EXPECT_TRUE(Has(BestName(paused, 1)));
}

TEST_F(StudyCommandsTest, RenameKeepsEverythingElse) {
  const Study study = Create(SmallSpec("dogs", 2, 1));
  Create(SmallSpec("cats", 2, 1));
  RunTrial(Register("w"), 0.5);
  EXPECT_EQ(scheduler_->RenameStudy("dogs", "wolves")->id, study.id);
  EXPECT_EQ(scheduler_->GetBoard("wolves", 0)->total_trials, 1);
  EXPECT_TRUE(absl::IsAlreadyExists(scheduler_->RenameStudy("wolves", "cats").status()));
  EXPECT_TRUE(absl::IsNotFound(scheduler_->RenameStudy("dogs", "x").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(scheduler_->RenameStudy("cats", "").status()));
  EXPECT_FALSE(scheduler_->CreateStudy(SmallSpec("wolves", 2, 1), Inputs())->created);
}

TEST_F(StudyCommandsTest, ARunningStudyIsNotRenamed) {
  Create(SmallSpec("dogs", 1, 1));
  WorkerInfo info = Info("w");
  info.study = "dogs";
  const WorkerId worker = *scheduler_->RegisterWorker(info);
  const LeaseGrant lease = Acquire(worker);
  const absl::Status refused = scheduler_->RenameStudy("dogs", "wolves").status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_THAT(Message(refused), HasSubstr("1 trial of study 'dogs' is running"));
  EXPECT_THAT(Message(refused), HasSubstr("stop it first"));
  ASSERT_TRUE(scheduler_->StopStudy("dogs").ok());
  ASSERT_TRUE(Complete(lease, AttemptOutcome::kPreempted).ok());
  EXPECT_EQ(scheduler_->RenameStudy("dogs", "wolves")->spec.name, "wolves");
}

TEST_F(StudyCommandsTest, DeletingTakesTheArtifactsThatNobodyElseNeeds) {
  Create(SmallSpec("dogs", 2, 1));
  Create(SmallSpec("cats", 2, 1));
  const WorkerId worker = Register("w");
  const LeaseGrant done = RunTrial(worker, 0.5);
  const LeaseGrant running = Acquire(worker);
  const absl::Status refused = scheduler_->DeleteStudy("dogs", false);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_THAT(Message(refused), HasSubstr("1 trial of study 'dogs' is running"));
  EXPECT_THAT(Message(refused), HasSubstr("--force"));
  ASSERT_TRUE(scheduler_->DeleteStudy("dogs", true).ok());
  EXPECT_FALSE(Has(BestName(done, 1)));
  EXPECT_TRUE(Has("weights")) << "cats needs them";
  EXPECT_TRUE(absl::IsNotFound(scheduler_->GetBoard("dogs", 0).status()));
  // Its worker learns that the lease is gone.
  EXPECT_EQ(Beat(worker, running, 5), ReportDirective::kCancel);
  EXPECT_TRUE(absl::IsFailedPrecondition(Report(running, 1, 0.5).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(Complete(running).status()));
  ASSERT_TRUE(scheduler_->DeleteStudy("cats", false).ok());
  EXPECT_FALSE(Has("weights"));
  EXPECT_FALSE(Has("split"));
  EXPECT_TRUE(absl::IsInvalidArgument(scheduler_->DeleteStudy("", true)));
  EXPECT_TRUE(absl::IsNotFound(scheduler_->DeleteStudy("cats", true)));
  Run(std::chrono::seconds(100));
}

TEST_F(StudyCommandsTest, WallTimeEndsAStudyAndMoreOfItGoesOn) {
  StudySpec spec = SmallSpec("dogs", 10, 5);
  spec.budget.wall_time = std::chrono::seconds(60);
  for (const char* name : {"one", "two", "three"}) {
    spec.enqueue.push_back({name, "", {{"learning_rate", 0.01}}});
  }
  Create(spec);
  const WorkerId worker = Register("w");
  const LeaseGrant lease = Acquire(worker);
  ASSERT_TRUE(Report(lease, 1, 0.5, true).ok());
  Train(worker, lease, 59);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kActive);
  Train(worker, lease, 1);
  EXPECT_EQ(Beat(worker, lease, 99), ReportDirective::kCancel);
  const Study study = GetStudy("dogs");
  EXPECT_EQ(study.state, StudyState::kFinished);
  EXPECT_EQ(study.active_time, std::chrono::seconds(60));
  const Trial cut_off = GetTrial(lease.trial.id);
  EXPECT_EQ(cut_off.state, TrialState::kQueued);
  EXPECT_EQ(cut_off.reason, "the study ended: the wall time of its budget is over");
  EXPECT_EQ(cut_off.crashes, 0);
  EXPECT_EQ(Attempts(lease.trial.id)[0].outcome, AttemptOutcome::kPreempted);
  EXPECT_TRUE(Has(BestName(lease, 1)));
  EXPECT_TRUE(Has(LastName(lease, 1)));
  EXPECT_EQ(scheduler_->GetBoard("dogs", 0)->trial_counts["queued"], 3);
  EXPECT_TRUE(absl::IsFailedPrecondition(Report(lease, 2, 0.6).status()));
  // Nothing of it is handed out, whatever is submitted, before there is more time.
  EXPECT_TRUE(scheduler_->Acquire(worker, 1)->nothing_left);
  spec.budget.trials = 11;
  EXPECT_EQ(scheduler_->CreateStudy(spec, Inputs())->study.state, StudyState::kFinished);
  EXPECT_TRUE(scheduler_->Acquire(worker, 1)->nothing_left);
  spec.budget.wall_time = std::chrono::seconds(120);
  EXPECT_EQ(scheduler_->CreateStudy(spec, Inputs())->study.state, StudyState::kActive);
  const LeaseGrant second = Acquire(worker);
  EXPECT_EQ(second.trial.id, lease.trial.id);
  EXPECT_EQ(second.resume_checkpoint, Sha256Hex(LastName(lease, 1)));
  EXPECT_EQ(Acquire(Register("v")).trial.name, "two");
  EXPECT_EQ(Acquire(Register("u")).trial.name, "three");
  EXPECT_EQ(Acquire(Register("t")).trial.number, 4);
}

TEST_F(StudyCommandsTest, WallTimeCountsWhileATrialTrains) {
  StudySpec spec = SmallSpec("dogs", 10, 5);
  spec.budget.wall_time = std::chrono::seconds(90);
  Create(spec);
  Run(std::chrono::seconds(500));
  EXPECT_EQ(ActiveTime("dogs"), Milliseconds(0)) << "nobody was there";
  const WorkerId worker = Register("w");
  LeaseGrant lease = Acquire(worker);
  Train(worker, lease, 30);
  EXPECT_EQ(ActiveTime("dogs"), std::chrono::seconds(30));
  ASSERT_TRUE(scheduler_->StopStudy("dogs").ok());
  Run(std::chrono::seconds(5));  // its worker gives the trial back
  ASSERT_TRUE(Complete(lease, AttemptOutcome::kPreempted).ok());
  ASSERT_TRUE(scheduler_->ResumeStudy("dogs").ok());
  Run(std::chrono::seconds(500));
  EXPECT_EQ(GetStudy("dogs").active_time, std::chrono::seconds(30));
  // Two at once are no more than one.
  lease = Acquire(worker);
  const WorkerId other = Register("other");
  const LeaseGrant others = Acquire(other);
  for (int i = 0; i < 10; ++i) {
    Beat(other, others, i);
    Train(worker, lease, 1);
  }
  EXPECT_EQ(ActiveTime("dogs"), std::chrono::seconds(40));
  // The machine sleeps.
  Advance(std::chrono::hours(10));
  Train(worker, lease, 1);
  EXPECT_LE(ActiveTime("dogs"), std::chrono::seconds(41));
  // While no coordinator runs, nobody is active; a crash of it costs some seconds of the account.
  scheduler_.reset();
  Advance(std::chrono::hours(10));
  Restart();
  EXPECT_GE(ActiveTime("dogs"), std::chrono::seconds(30));
  EXPECT_LE(ActiveTime("dogs"), std::chrono::seconds(41));
  // Both workers are dead: what they held counts as training until it runs out, and no longer.
  Run(std::chrono::seconds(31));
  const Milliseconds spent = ActiveTime("dogs");
  EXPECT_LE(spent, std::chrono::seconds(41 + 30));
  Run(std::chrono::seconds(500));
  EXPECT_EQ(ActiveTime("dogs"), spent);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kActive);
}

TEST_F(StudyCommandsTest, NoTimeIsLostInACommitThatFailsOrChangesNothing) {
  const StudySpec spec = SmallSpec("dogs", 10, 5);
  Create(spec);
  const WorkerId worker = Register("w");
  Train(worker, Acquire(worker), 7);
  store_.SetCommitHook([] { return absl::ResourceExhaustedError("the disk is full"); });
  EXPECT_TRUE(absl::IsResourceExhausted(scheduler_->StopStudy("dogs").status()));
  store_.SetCommitHook({});
  ASSERT_TRUE(Submit(spec).ok());
  EXPECT_EQ(ActiveTime("dogs"), std::chrono::seconds(7));
  ASSERT_TRUE(scheduler_->StopStudy("dogs").ok());
  EXPECT_EQ(GetStudy("dogs").active_time, std::chrono::seconds(7));
}

TEST_F(StudyCommandsTest, EvaluationsAreRecorded) {
  Create(SmallSpec("dogs", 1, 1));
  RunTrial(Register("w"), 0.5);
  EvaluationRow evaluation;
  evaluation.trial_number = 1;
  evaluation.split = "test";
  evaluation.metrics = {{"accuracy", 0.7}};
  const auto recorded = scheduler_->RecordEvaluation("dogs", evaluation);
  ASSERT_TRUE(recorded.ok());
  EXPECT_GT(recorded->id, 0);
  EXPECT_EQ(recorded->created_at, clock_.Now());
  evaluation.split = "validation";
  ASSERT_TRUE(scheduler_->RecordEvaluation("", evaluation).ok());
  EXPECT_EQ(scheduler_->GetBoard("dogs", 0)->test_uses, 1);
  evaluation.trial_number = 9;
  EXPECT_TRUE(absl::IsNotFound(scheduler_->RecordEvaluation("dogs", evaluation).status()));
}

TEST_F(StudyCommandsTest, TheBoardShowsProgressAndTime) {
  StudySpec spec = SmallSpec("dogs", 4, 10);
  Create(spec);
  const WorkerId worker = Register("w");
  const LeaseGrant done = Acquire(worker);
  Advance(std::chrono::seconds(10));
  ASSERT_TRUE(Report(done, 1, 0.5).ok());
  ASSERT_TRUE(Complete(done).ok());
  const LeaseGrant running = Acquire(worker);
  const LeaseGrant fresh = Acquire(Register("another"));
  EpochReport report = MakeReport(1, 0.9);
  report.duration = std::chrono::seconds(2);
  report.checkpoint_hash = artifacts_.Add("c");
  Advance(std::chrono::seconds(2));
  ASSERT_TRUE(scheduler_->Report(running.trial.id, running.attempt, report, "").ok());
  ASSERT_TRUE(scheduler_->Heartbeat(worker, running.trial.id, running.attempt, {2, 30, 100}).ok());
  Advance(std::chrono::seconds(1));

  const Board board = *scheduler_->GetBoard("dogs", 0);
  ASSERT_EQ(board.rows.size(), 3u);
  EXPECT_EQ(board.total_trials, 3);
  EXPECT_EQ(board.planned_trials, 4);
  EXPECT_EQ(board.trial_counts, (std::map<std::string, int64_t>{{"completed", 1}, {"running", 2}}));
  const BoardRow& best = board.rows[0];
  EXPECT_EQ(best.rank, 1);
  EXPECT_EQ(best.trial.id, running.trial.id);
  ASSERT_TRUE(best.progress.has_value());
  EXPECT_EQ(best.progress->epoch, 2);
  EXPECT_EQ(best.progress->steps_done, 30);
  EXPECT_EQ(best.elapsed, std::chrono::seconds(3));
  EXPECT_EQ(best.eta, std::chrono::seconds(9 * 2 - 1));
  EXPECT_EQ(best.metrics.at("val_accuracy"), 0.9);
  EXPECT_EQ(board.rows[1].elapsed, std::chrono::seconds(10));
  EXPECT_EQ(board.rows[1].eta, std::nullopt);
  EXPECT_EQ(board.rows[2].trial.id, fresh.trial.id);
  EXPECT_EQ(board.rows[2].rank, 0);
  EXPECT_EQ(board.rows[2].eta, std::nullopt) << "before its first epoch nobody knows";
  // 10 s a trial, 3 s of two running ones gone, one more to come, two at once.
  EXPECT_EQ(board.eta, std::chrono::seconds((7 + 7 + 10) / 2));
  const Board top = *scheduler_->GetBoard("", 1);
  EXPECT_EQ(top.rows.size(), 1u);
  EXPECT_EQ(top.total_trials, 3);
}

TEST_F(StudyCommandsTest, TimeBetweenAttemptsIsNoTrainingTime) {
  Create(SmallSpec("dogs", 3, 2));
  const WorkerId worker = Register("w");
  const LeaseGrant crashed = Acquire(worker);
  Run(std::chrono::seconds(10));
  ASSERT_TRUE(Report(crashed, 1, 0.5, true).ok());
  Run(std::chrono::seconds(31));  // its lease runs out
  ASSERT_EQ(GetTrial(crashed.trial.id).state, TrialState::kQueued);
  Run(std::chrono::seconds(1000));
  const LeaseGrant silent = Acquire(worker);
  ASSERT_EQ(silent.trial.id, crashed.trial.id);
  Run(std::chrono::seconds(31));  // this attempt reported nothing
  const LeaseGrant last = Acquire(worker);
  Run(std::chrono::seconds(10));
  ASSERT_TRUE(Report(last, 2, 0.6).ok());
  ASSERT_TRUE(Complete(last).ok());
  Acquire(worker);
  const Board board = *scheduler_->GetBoard("dogs", 0);
  EXPECT_EQ(board.rows[0].trial.id, crashed.trial.id);
  EXPECT_EQ(board.rows[0].elapsed, std::chrono::seconds(20));
  EXPECT_EQ(board.rows[1].elapsed, Milliseconds(0));
  EXPECT_EQ(board.eta, std::chrono::seconds(20 + 20)) << "two trials to come, one at a time";
}

TEST_F(StudyCommandsTest, IdleWithoutLiveLeasesAndWorkers) {
  Advance(std::chrono::seconds(5));
  EXPECT_EQ(scheduler_->IdleFor(), std::chrono::seconds(5));
  Create(SmallSpec("dogs", 2, 1));
  Run(std::chrono::seconds(60));
  EXPECT_EQ(scheduler_->IdleFor(), std::chrono::seconds(65)) << "a study alone keeps nobody";
  const WorkerId worker = Register("w");
  RunTrial(worker, 0.5);
  Run(std::chrono::seconds(30));
  EXPECT_EQ(scheduler_->IdleFor(), Milliseconds(0)) << "the worker may ask again";
  Run(std::chrono::seconds(11));
  EXPECT_EQ(scheduler_->IdleFor(), std::chrono::seconds(11));
  // A lease that lives is work, also of a worker that has not spoken to this coordinator yet.
  Acquire(worker);
  Restart();
  Run(std::chrono::seconds(29));
  EXPECT_EQ(scheduler_->IdleFor(), Milliseconds(0));
  Run(std::chrono::seconds(60));
  EXPECT_EQ(scheduler_->IdleFor(), std::chrono::seconds(60));
  // A stall is no idleness: the beats wait in the queue.
  Advance(std::chrono::hours(1));
  ASSERT_TRUE(scheduler_->Tick().ok());
  EXPECT_EQ(scheduler_->IdleFor(), Milliseconds(0));
}

TEST_F(StudyCommandsTest, CreatingASchedulerWritesNothing) {
  Create(SmallSpec("dogs", 1, 3));
  const LeaseGrant lease = Acquire(Register("w"));
  artifacts_.Add("orphan");
  Advance(std::chrono::hours(5));
  store_.SetCommitHook([] {
    ADD_FAILURE() << "a write";
    return absl::FailedPreconditionError("open for reading only");
  });
  Restart();
  EXPECT_EQ(scheduler_->GetBoard("dogs", 0)->rows.size(), 1u);
  EXPECT_TRUE(Has("orphan"));
  store_.SetCommitHook({});
  // The worker survived the restart: its lease has a fresh deadline.
  Run(std::chrono::seconds(29));
  EXPECT_TRUE(Report(lease, 1, 0.5).ok());
}

}  // namespace
}  // namespace vizsla
