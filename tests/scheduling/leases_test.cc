// Workers, leases, reports and ends of attempts through the scheduler.
#include <gmock/gmock.h>

#include <cmath>
#include <thread>

#include "src/study/objective.h"
#include "tests/scheduling/harness.h"

namespace vizsla {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

using LeasesTest = Harness;

TEST_F(LeasesTest, ATrialFromQueueToEnd) {
  Create(SmallSpec("dogs", 1, 2));
  const WorkerId worker = Register("host:1/0");
  const LeaseGrant lease = Acquire(worker);
  EXPECT_EQ(lease.trial.number, 1);
  EXPECT_EQ(lease.attempt, AttemptNumber(1));
  EXPECT_EQ(lease.trial.state, TrialState::kRunning);
  EXPECT_EQ(lease.trial.worker, "host:1/0");
  EXPECT_EQ(lease.study.spec.name, "dogs");
  EXPECT_EQ(lease.resume_checkpoint, "");
  EXPECT_EQ(*Report(lease, 1, 0.4), ReportDirective::kContinue);
  EXPECT_EQ(*Report(lease, 2, 0.6), ReportDirective::kContinue);
  const auto trial = Complete(lease);
  ASSERT_TRUE(trial.ok()) << trial.status();
  EXPECT_EQ(trial->state, TrialState::kCompleted);
  EXPECT_EQ(trial->score, 0.6);
  EXPECT_EQ(trial->best_epoch, 2);
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
  EXPECT_TRUE(GetStudy("dogs").finished_at.has_value());
  const auto attempts = Attempts(lease.trial.id);
  ASSERT_EQ(attempts.size(), 1u);
  EXPECT_EQ(attempts[0].outcome, AttemptOutcome::kCompleted);
}

TEST_F(LeasesTest, WhatHappensIsCounted) {
  Create(SmallSpec("dogs", 1, 2));
  EXPECT_EQ(scheduler_->Statistics().workers_alive, 0);
  const WorkerId worker = Register("w");
  const LeaseGrant lease = Acquire(worker);
  ASSERT_TRUE(Report(lease, 1, 0.5).ok());
  ASSERT_TRUE(Report(lease, 1, 0.5).ok());   // the same again
  EXPECT_FALSE(Report(lease, 5, 0.5).ok());  // refused
  SchedulerStatistics statistics = scheduler_->Statistics();
  EXPECT_EQ(statistics.workers_alive, 1);
  EXPECT_EQ(statistics.leases_held, 1);
  EXPECT_EQ(statistics.leases_granted, 1U);
  EXPECT_EQ(statistics.leases_expired, 0U);
  EXPECT_EQ(statistics.epochs_reported, 1U);
  EXPECT_GE(statistics.suggestions.count, 1U);
  Run(std::chrono::seconds(60));  // no beat for two leases
  statistics = scheduler_->Statistics();
  EXPECT_EQ(statistics.workers_alive, 0);
  EXPECT_EQ(statistics.leases_held, 0);
  EXPECT_EQ(statistics.leases_expired, 1U);
}

TEST_F(LeasesTest, EnqueuedTrialsComeFirstInOrder) {
  StudySpec spec = SmallSpec("dogs", 3, 2);
  spec.enqueue.push_back({"notebook", "by hand", {{"learning_rate", 0.01}}});
  spec.enqueue.push_back({"second", "", {{"learning_rate", 0.02}}});
  Create(spec);
  const auto acquired = scheduler_->Acquire(Register("w"), 5);
  ASSERT_EQ(acquired->leases.size(), 3u) << "enqueued trials count to the budget";
  EXPECT_EQ(acquired->leases[0].trial.name, "notebook");
  EXPECT_EQ(acquired->leases[0].trial.notes, "by hand");
  EXPECT_EQ(std::get<double>(acquired->leases[0].trial.configuration.at("learning_rate")), 0.01);
  EXPECT_EQ(acquired->leases[1].trial.number, 2);
  EXPECT_EQ(acquired->leases[2].trial.name, "");
  EXPECT_TRUE(Validate(spec.space, acquired->leases[2].trial.configuration).ok());
}

TEST_F(LeasesTest, AGridEndsWhenItIsExhausted) {
  Create(GridSpec("grid", 0, 1));
  const WorkerId worker = Register("w");
  std::set<std::string> seen;
  for (int i = 0; i < 4; ++i) {
    const LeaseGrant lease = Acquire(worker);
    EXPECT_TRUE(seen.insert(ToJsonText(lease.trial.configuration)).second);
    ASSERT_TRUE(Report(lease, 1, 0.5).ok());
    ASSERT_TRUE(Complete(lease).ok());
  }
  EXPECT_EQ(GetStudy("grid").state, StudyState::kFinished);
  const auto acquired = scheduler_->Acquire(worker, 1);
  EXPECT_TRUE(acquired->nothing_left);
  EXPECT_EQ(scheduler_->GetBoard("grid", 0)->planned_trials, 4);
}

TEST_F(LeasesTest, TheOldestActiveStudyIsServedFirst) {
  Create(SmallSpec("first", 1, 1));
  Create(SmallSpec("second", 1, 1));
  EXPECT_EQ(Acquire(Register("a")).study.spec.name, "first");
  EXPECT_EQ(Acquire(Register("b")).study.spec.name, "second");
  WorkerInfo only = Info("only");
  only.study = "second";
  const WorkerId second = *scheduler_->RegisterWorker(only);
  const auto acquired = scheduler_->Acquire(second, 1);
  EXPECT_TRUE(acquired->leases.empty());
  EXPECT_FALSE(acquired->nothing_left) << "its last trial runs elsewhere and may come back";
  EXPECT_EQ(acquired->retry_after, Milliseconds(1000));
}

TEST_F(LeasesTest, OnlyMatchingDataAndWeights) {
  Create(SmallSpec("dogs", 4, 1));
  WorkerInfo other = Info("other");
  other.dataset_fingerprints = {"cats"};
  auto acquired = scheduler_->Acquire(*scheduler_->RegisterWorker(other), 1);
  EXPECT_TRUE(acquired->nothing_left);
  EXPECT_EQ(acquired->retry_after, Milliseconds(2000)) << "for who waits for a study to come";
  EXPECT_EQ(acquired->explanation,
            "study 'dogs' is pinned to the data set photos-1, which this worker does not have");
  other = Info("other");
  other.weights_hashes = {};
  acquired = scheduler_->Acquire(*scheduler_->RegisterWorker(other), 1);
  EXPECT_TRUE(acquired->nothing_left);
  EXPECT_THAT(acquired->explanation, HasSubstr("is pinned to the weights"));
  // A study without weights needs only the data.
  PinnedInputs inputs = Inputs();
  inputs.weights_hash.clear();
  ASSERT_TRUE(scheduler_->CreateStudy(SmallSpec("scratch", 1, 1), inputs).ok());
  acquired = scheduler_->Acquire(*scheduler_->RegisterWorker(other), 1);
  ASSERT_EQ(acquired->leases.size(), 1u);
  EXPECT_EQ(acquired->leases[0].study.spec.name, "scratch");
}

TEST_F(LeasesTest, ExplainsWhyThereIsNothing) {
  const auto explanation = [&](const std::string& study) {
    WorkerInfo info = Info("w");
    info.study = study;
    const auto acquired = scheduler_->Acquire(*scheduler_->RegisterWorker(info), 1);
    EXPECT_TRUE(acquired->nothing_left);
    return acquired->explanation;
  };
  EXPECT_EQ(explanation(""), "no study is active");
  EXPECT_EQ(explanation("dogs"), "there is no study 'dogs'");
  Create(SmallSpec("dogs", 1, 1));
  ASSERT_TRUE(scheduler_->StopStudy("dogs").ok());
  EXPECT_EQ(explanation("dogs"), "study 'dogs' is stopped");
  ASSERT_TRUE(scheduler_->ResumeStudy("dogs").ok());
  const LeaseGrant lease = Acquire(Register("w"));
  ASSERT_TRUE(Report(lease, 1, 0.5).ok());
  ASSERT_TRUE(Complete(lease).ok());
  EXPECT_EQ(explanation("dogs"), "study 'dogs' has finished");
}

TEST_F(LeasesTest, UnknownWorkersRegisterAgain) {
  Create(SmallSpec("dogs", 1, 1));
  const WorkerId before = Register("w");
  const LeaseGrant lease = Acquire(before);
  Restart();
  const WorkerId other = Register("another");
  EXPECT_NE(before, other) << "an id of before the restart is nobody's";
  EXPECT_TRUE(absl::IsNotFound(scheduler_->Acquire(before, 1).status()));
  const auto beat = scheduler_->Heartbeat(before, lease.trial.id, lease.attempt, {1, 1, 2});
  EXPECT_TRUE(absl::IsNotFound(beat.status()));
  EXPECT_THAT(Message(beat.status()), HasSubstr("register again"));
  EXPECT_EQ(Beat(Register("w"), lease, 1), ReportDirective::kContinue);
  EXPECT_TRUE(absl::IsInvalidArgument(scheduler_->RegisterWorker({}).status()));
}

TEST_F(LeasesTest, ALeaseThatRunsOutIsRequeuedAndResumes) {
  Create(SmallSpec("dogs", 1, 4));
  const WorkerId worker = Register("w");
  const LeaseGrant first = Acquire(worker);
  ASSERT_TRUE(Report(first, 1, 0.5, true).ok());
  ASSERT_TRUE(Report(first, 2, 0.7).ok());
  Run(std::chrono::seconds(29));
  EXPECT_EQ(GetTrial(first.trial.id).state, TrialState::kRunning);
  Run(std::chrono::seconds(2));
  const Trial queued = GetTrial(first.trial.id);
  EXPECT_EQ(queued.state, TrialState::kQueued);
  EXPECT_EQ(queued.crashes, 1);
  EXPECT_EQ(queued.score, 0.7) << "no acknowledged report is lost";
  EXPECT_EQ(Attempts(first.trial.id)[0].outcome, AttemptOutcome::kCrashed);
  EXPECT_THAT(Attempts(first.trial.id)[0].reason, HasSubstr("no heartbeat for 30 s"));
  EXPECT_EQ(Attempts(first.trial.id)[0].ended_at, Reports(first.trial.id)[1].reported_at)
      << "what it did afterwards is lost";

  const LeaseGrant second = Acquire(worker);
  EXPECT_EQ(second.trial.id, first.trial.id);
  EXPECT_EQ(second.attempt, AttemptNumber(2));
  EXPECT_EQ(second.resume_checkpoint, Sha256Hex(LastName(first, 1)));
  ASSERT_EQ(second.history.size(), 1u) << "epoch 2 is run again";
  EXPECT_EQ(second.history[0].epoch, 1);

  // The zombie wakes up.
  const auto late = Report(first, 3, 0.99).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(late));
  EXPECT_EQ(Message(late), "attempt 1 of trial 1 no longer holds the lease (attempt 2 does)");
  EXPECT_EQ(Beat(worker, first, 50), ReportDirective::kCancel);
  EXPECT_TRUE(absl::IsFailedPrecondition(Complete(first).status()));
  EXPECT_TRUE(
      absl::IsFailedPrecondition(scheduler_->AppendLogs(first.trial.id, first.attempt, {"late"})));
  EXPECT_TRUE(Report(second, 2, 0.6).ok());
  EXPECT_EQ(GetTrial(first.trial.id).score, 0.6);
}

TEST_F(LeasesTest, HeartbeatsKeepALeaseWhileThereIsProgress) {
  options_.stall = std::chrono::seconds(60);
  Restart();
  Create(SmallSpec("dogs", 1, 4));
  const WorkerId worker = Register("w");
  const LeaseGrant lease = Acquire(worker);
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(Beat(worker, lease, i), ReportDirective::kContinue);
    Run(std::chrono::seconds(5));
  }
  EXPECT_EQ(GetTrial(lease.trial.id).state, TrialState::kRunning);
  // Now it hangs, and its heartbeat thread goes on.
  int beats = 0;
  while (Beat(worker, lease, 29) == ReportDirective::kContinue && beats < 100) {
    ++beats;
    Run(std::chrono::seconds(5));
  }
  EXPECT_EQ(GetTrial(lease.trial.id).state, TrialState::kQueued);
  EXPECT_THAT(Attempts(lease.trial.id)[0].reason, HasSubstr("no progress for"));
  EXPECT_GT(beats, 10);
  EXPECT_LT(beats, 20);
}

TEST_F(LeasesTest, ThreeCrashesFail) {
  Create(SmallSpec("dogs", 1, 4));
  const WorkerId worker = Register("w");
  for (int crash = 1; crash <= 3; ++crash) {
    const LeaseGrant lease = Acquire(worker);
    EXPECT_EQ(lease.attempt, AttemptNumber(crash));
    if (crash == 2) {
      ASSERT_TRUE(Complete(lease, AttemptOutcome::kCrashed, "out of luck").ok());
    } else {
      Run(std::chrono::seconds(31));
    }
  }
  const Board board = *scheduler_->GetBoard("dogs", 0);
  const Trial& failed = board.rows.at(0).trial;
  EXPECT_EQ(failed.state, TrialState::kFailed);
  EXPECT_EQ(failed.crashes, 3);
  EXPECT_THAT(failed.reason, HasSubstr("crashed 3 times; the last time: the lease ran out"));
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
}

TEST_F(LeasesTest, PreemptionSpendsNoRetry) {
  Create(SmallSpec("dogs", 1, 9));
  const WorkerId worker = Register("w");
  for (int i = 1; i <= 5; ++i) {
    const LeaseGrant lease = Acquire(worker);
    EXPECT_EQ(lease.trial.last_checkpoint_epoch, i - 1);
    ASSERT_TRUE(Report(lease, i, 0.1 * i).ok());
    Completion preempted;
    preempted.outcome = AttemptOutcome::kPreempted;
    preempted.reason = "SIGTERM";
    preempted.last_checkpoint = artifacts_.Add(LastName(lease, i));
    preempted.last_checkpoint_epoch = i;
    const auto trial = scheduler_->Complete(lease.trial.id, lease.attempt, preempted);
    ASSERT_TRUE(trial.ok()) << trial.status();
    EXPECT_EQ(trial->state, TrialState::kQueued);
    EXPECT_EQ(trial->crashes, 0);
  }
  const Trial trial = GetTrial(Acquire(worker).trial.id);
  EXPECT_EQ(trial.attempt, AttemptNumber(6));
  EXPECT_EQ(trial.score, 0.5);
  EXPECT_EQ(Attempts(trial.id)[0].outcome, AttemptOutcome::kPreempted);
}

TEST_F(LeasesTest, WhatALostAnswerGrantedIsGivenBackWithoutACrash) {
  Create(SmallSpec("dogs", 2, 2));
  const WorkerId worker = Register("w");
  const LeaseGrant lost = Acquire(worker);
  const LeaseGrant others = Acquire(Register("other"));
  const LeaseGrant again = Acquire(worker);
  EXPECT_EQ(again.trial.id, lost.trial.id);
  EXPECT_EQ(again.attempt, AttemptNumber(2));
  EXPECT_EQ(again.trial.crashes, 0);
  EXPECT_EQ(Attempts(lost.trial.id)[0].outcome, AttemptOutcome::kPreempted);
  EXPECT_EQ(GetTrial(others.trial.id).state, TrialState::kRunning);
  // The new lease is a whole one.
  Run(std::chrono::seconds(29));
  EXPECT_EQ(GetTrial(again.trial.id).state, TrialState::kRunning);
  // The name counts, not the id: a coordinator that was restarted does not know the worker.
  Restart();
  EXPECT_EQ(Acquire(Register("w")).attempt, AttemptNumber(3));
  EXPECT_EQ(GetTrial(again.trial.id).crashes, 0);
}

TEST_F(LeasesTest, AWorkerThatRegistersAgainIsTheSame) {
  Create(SmallSpec("dogs", 1, 1));
  WorkerInfo info = Info("w");
  info.weights_hashes = {};
  const WorkerId worker = *scheduler_->RegisterWorker(info);
  EXPECT_TRUE(scheduler_->Acquire(worker, 1)->nothing_left);
  EXPECT_EQ(Register("w"), worker);
  EXPECT_NE(Register("other"), worker);
  EXPECT_EQ(scheduler_->Acquire(worker, 1)->leases.size(), 1u) << "it has fetched the weights";
}

TEST_F(LeasesTest, TimeInWhichNobodyCouldSpeakExpiresNothing) {
  Create(SmallSpec("dogs", 1, 9));
  const LeaseGrant lease = Acquire(Register("w"));
  Run(std::chrono::seconds(20));
  for (const auto step : {std::chrono::hours(10), std::chrono::hours(-3)}) {
    Advance(step);  // a suspended laptop; a clock that was put right
    ASSERT_TRUE(scheduler_->Tick().ok());
    Run(std::chrono::seconds(29));
    EXPECT_EQ(GetTrial(lease.trial.id).state, TrialState::kRunning);
  }
  Run(std::chrono::seconds(1));
  EXPECT_EQ(GetTrial(lease.trial.id).state, TrialState::kQueued) << "a fresh lease, no more";
}

TEST_F(LeasesTest, UploadsBeforeASuspensionAreNotSwept) {
  Create(SmallSpec("dogs", 1, 9));
  const LeaseGrant lease = Acquire(Register("w"));
  Run(std::chrono::seconds(1));
  EpochReport report = MakeReport(1, 0.5);
  report.checkpoint_hash = artifacts_.Add("uploaded, not reported yet");
  Advance(std::chrono::hours(10));
  ASSERT_TRUE(scheduler_->Tick().ok());
  EXPECT_TRUE(scheduler_->Report(lease.trial.id, lease.attempt, report, "").ok());
}

TEST_F(LeasesTest, ATickGoesOnAfterAnError) {
  Create(SmallSpec("dogs", 2, 9));
  const LeaseGrant first = Acquire(Register("a")), second = Acquire(Register("b"));
  Run(std::chrono::seconds(29));
  int commits = 0;
  store_.SetCommitHook([&] {
    return ++commits == 1 ? absl::ResourceExhaustedError("the disk is full") : absl::OkStatus();
  });
  Advance(std::chrono::seconds(1));
  EXPECT_TRUE(absl::IsResourceExhausted(scheduler_->Tick()));
  EXPECT_EQ(GetTrial(first.trial.id).state, TrialState::kRunning);
  EXPECT_EQ(GetTrial(second.trial.id).state, TrialState::kQueued);
  EXPECT_TRUE(scheduler_->Tick().ok());
  EXPECT_EQ(GetTrial(first.trial.id).state, TrialState::kQueued);
}

TEST_F(LeasesTest, AMissingLastCheckpointIsRefusedOrForgotten) {
  Create(SmallSpec("dogs", 1, 9));
  const WorkerId worker = Register("w");
  const LeaseGrant lease = Acquire(worker);
  ASSERT_TRUE(Report(lease, 1, 0.1, true).ok());
  Completion preempted;
  preempted.outcome = AttemptOutcome::kPreempted;
  preempted.last_checkpoint = std::string(64, 'f');
  preempted.last_checkpoint_epoch = 1;
  const auto refused = scheduler_->Complete(lease.trial.id, lease.attempt, preempted);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status()));
  EXPECT_THAT(Message(refused.status()), HasSubstr("is not stored; upload it first"));
  // A checkpoint that someone deleted from the disk: the trial starts over.
  ASSERT_TRUE(artifacts_.Remove(Sha256Hex(LastName(lease, 1))).ok());
  ASSERT_TRUE(Complete(lease, AttemptOutcome::kPreempted).ok());
  const LeaseGrant second = Acquire(worker);
  EXPECT_EQ(second.resume_checkpoint, "");
  EXPECT_TRUE(second.history.empty());
  EXPECT_TRUE(Report(second, 1, 0.2).ok());
}

TEST_F(LeasesTest, RepeatsChangeNothing) {
  Create(SmallSpec("dogs", 2, 4));
  const WorkerId worker = Register("w");
  const LeaseGrant lease = Acquire(worker);
  ASSERT_TRUE(Report(lease, 1, 0.5).ok());
  ASSERT_TRUE(Report(lease, 2, 0.6).ok());
  const Timestamp first_time = Reports(lease.trial.id)[0].reported_at;
  Advance(std::chrono::seconds(1));
  EXPECT_FALSE(Has(BestName(lease, 1))) << "let go of when epoch 2 became the best";
  EpochReport repeat = MakeReport(1, 0.5);
  repeat.checkpoint_hash = Sha256Hex(BestName(lease, 1));
  EXPECT_EQ(*scheduler_->Report(lease.trial.id, lease.attempt, repeat, ""),
            ReportDirective::kContinue);
  EXPECT_EQ(Reports(lease.trial.id)[0].reported_at, first_time);
  EXPECT_EQ(GetTrial(lease.trial.id).epoch, 2);
  EXPECT_TRUE(absl::IsFailedPrecondition(Report(lease, 2, 0.61).status()));
  // The same end again returns the trial; another one is refused.
  const auto first = Complete(lease);
  const auto second = Complete(lease);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->finished_at, first->finished_at);
  EXPECT_TRUE(absl::IsFailedPrecondition(Complete(lease, AttemptOutcome::kFailed).status()));
  // Given back, taken by another attempt, and the first answer comes again.
  const LeaseGrant other = Acquire(worker);
  ASSERT_TRUE(Complete(other, AttemptOutcome::kPreempted).ok());
  const LeaseGrant newer = Acquire(worker);
  EXPECT_EQ(newer.attempt, AttemptNumber(2));
  const auto again = Complete(other, AttemptOutcome::kPreempted);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->attempt, AttemptNumber(2));
  EXPECT_EQ(again->state, TrialState::kRunning);
}

TEST_F(LeasesTest, CheckpointsThatNobodyNeedsAreRemoved) {
  Create(SmallSpec("dogs", 1, 9));
  const WorkerId worker = Register("w");
  const LeaseGrant lease = Acquire(worker);
  ASSERT_TRUE(Report(lease, 1, 0.5, true).ok());
  ASSERT_TRUE(Report(lease, 2, 0.4).ok());  // its weights were uploaded in vain
  ASSERT_TRUE(Report(lease, 3, 0.7).ok());
  EXPECT_THAT(artifacts_.All(),
              UnorderedElementsAre(Sha256Hex("split"), Sha256Hex("weights"),
                                   Sha256Hex(BestName(lease, 1)),  // a resume needs it
                                   Sha256Hex(LastName(lease, 1)), Sha256Hex(BestName(lease, 3))));
  ASSERT_TRUE(Report(lease, 4, 0.6, true).ok());
  EXPECT_FALSE(Has(BestName(lease, 1)));
  EXPECT_FALSE(Has(LastName(lease, 1)));
  EXPECT_TRUE(Has(LastName(lease, 4)));
  ASSERT_TRUE(Complete(lease).ok());
  EXPECT_THAT(artifacts_.All(), UnorderedElementsAre(Sha256Hex("split"), Sha256Hex("weights"),
                                                     Sha256Hex(BestName(lease, 3))));
  EXPECT_EQ(GetTrial(lease.trial.id).best_checkpoint, Sha256Hex(BestName(lease, 3)));
}

TEST_F(LeasesTest, TwoTrialsMayShareACheckpoint) {
  Create(SmallSpec("dogs", 2, 9));
  const LeaseGrant a = Acquire(Register("a")), b = Acquire(Register("b"));
  EpochReport report = MakeReport(1, 0.5);
  report.checkpoint_hash = artifacts_.Add("the same weights");
  ASSERT_TRUE(scheduler_->Report(a.trial.id, a.attempt, report, "").ok());
  ASSERT_TRUE(scheduler_->Report(b.trial.id, b.attempt, report, "").ok());
  ASSERT_TRUE(Report(a, 2, 0.9).ok());
  EXPECT_TRUE(Has("the same weights")) << "the other trial needs it";
  ASSERT_TRUE(Report(b, 2, 0.9).ok());
  EXPECT_FALSE(Has("the same weights"));
}

TEST_F(LeasesTest, TheSweepSparesWhatMayBeReportedSoon) {
  Create(SmallSpec("dogs", 1, 9));
  const WorkerId worker = Register("w");
  const LeaseGrant lease = Acquire(worker);
  artifacts_.Add("never reported");
  Restart();
  ASSERT_TRUE(scheduler_->Tick().ok());
  EXPECT_TRUE(Has("never reported")) << "its worker may be about to";
  Advance(std::chrono::minutes(61));
  artifacts_.Add("young");
  Restart();
  ASSERT_TRUE(scheduler_->Tick().ok());
  EXPECT_FALSE(Has("never reported"));
  EXPECT_TRUE(Has("young"));
  EXPECT_TRUE(Has("split"));
  EXPECT_TRUE(Has("weights"));
}

TEST_F(LeasesTest, NanRanksLastAndNeverWins) {
  Create(SmallSpec("dogs", 3, 2));
  const LeaseGrant nan = Acquire(Register("a")), good = Acquire(Register("b")),
                   tie = Acquire(Register("c"));
  EpochReport report = MakeReport(1, std::nan(""));
  EXPECT_EQ(*scheduler_->Report(nan.trial.id, nan.attempt, report, ""), ReportDirective::kPrune);
  const auto diverged = Complete(nan, AttemptOutcome::kPruned);
  EXPECT_EQ(diverged->state, TrialState::kDiverged);
  EXPECT_TRUE(std::isnan(*diverged->score));
  EXPECT_EQ(Complete(nan, AttemptOutcome::kPruned)->state, TrialState::kDiverged) << "repeat";
  ASSERT_TRUE(Report(tie, 1, 0.5).ok());
  ASSERT_TRUE(Complete(tie).ok());
  ASSERT_TRUE(Report(good, 1, 0.5).ok());
  ASSERT_TRUE(Complete(good).ok());
  const Board board = *scheduler_->GetBoard("dogs", 0);
  ASSERT_EQ(board.rows.size(), 3u);
  EXPECT_EQ(board.rows[0].trial.number, 2) << "the earlier trial wins a tie";
  EXPECT_EQ(board.rows[0].rank, 1);
  EXPECT_EQ(board.rows[1].trial.number, 3);
  EXPECT_EQ(board.rows[1].rank, 2);
  EXPECT_EQ(board.rows[2].trial.number, 1);
  EXPECT_EQ(board.rows[2].rank, 0);
}

TEST_F(LeasesTest, CompletedNeedsAnEpoch) {
  Create(SmallSpec("dogs", 1, 2));
  const LeaseGrant lease = Acquire(Register("w"));
  EXPECT_TRUE(absl::IsFailedPrecondition(Complete(lease).status()));
  EXPECT_EQ(GetTrial(lease.trial.id).state, TrialState::kRunning);
  EXPECT_EQ(Complete(lease, AttemptOutcome::kInfeasible, "out of memory")->reason, "out of memory");
}

TEST_F(LeasesTest, AFullDiskLosesNothing) {
  Create(SmallSpec("dogs", 2, 4));
  const WorkerId worker = Register("w");
  const LeaseGrant lease = Acquire(worker);
  ASSERT_TRUE(Report(lease, 1, 0.5).ok());
  store_.SetCommitHook([] { return absl::ResourceExhaustedError("the disk is full"); });
  const auto refused = Report(lease, 2, 0.6).status();
  EXPECT_TRUE(absl::IsResourceExhausted(refused));
  EXPECT_TRUE(absl::IsResourceExhausted(scheduler_->Acquire(worker, 1).status()));
  EXPECT_TRUE(absl::IsResourceExhausted(Complete(lease).status()));
  EXPECT_EQ(GetTrial(lease.trial.id).epoch, 1);
  EXPECT_TRUE(Has(BestName(lease, 1))) << "nothing is let go of before the commit";
  store_.SetCommitHook({});
  ASSERT_TRUE(Report(lease, 2, 0.6).ok());
  ASSERT_TRUE(Complete(lease).ok());
  // The trial that was suggested in vain is suggested again.
  const LeaseGrant next = Acquire(worker);
  EXPECT_EQ(next.trial.number, 2);
  EXPECT_EQ(GetTrial(next.trial.id).configuration, next.trial.configuration);
}

TEST_F(LeasesTest, AFailedCommitUsesUpNoConfiguration) {
  Create(GridSpec("grid", 0, 1));
  std::set<std::string> seen;
  for (int i = 0; i < 4; ++i) {
    const WorkerId worker = Register(StrCat("w", i));
    store_.SetCommitHook([] { return absl::ResourceExhaustedError("the disk is full"); });
    EXPECT_FALSE(scheduler_->Acquire(worker, 1).ok());
    store_.SetCommitHook({});
    seen.insert(ToJsonText(Acquire(worker).trial.configuration));
  }
  EXPECT_EQ(seen.size(), 4u);
}

TEST_F(LeasesTest, LogsAreCappedAndKeptAfterTheEnd) {
  Create(SmallSpec("dogs", 1, 2));
  const LeaseGrant lease = Acquire(Register("w"));
  std::vector<std::string> lines(3000, "line");
  lines.back() = std::string(10'000, 'x');
  ASSERT_TRUE(scheduler_->AppendLogs(lease.trial.id, lease.attempt, lines).ok());
  ASSERT_TRUE(Complete(lease, AttemptOutcome::kFailed, "no").ok());
  ASSERT_TRUE(scheduler_->AppendLogs(lease.trial.id, lease.attempt, lines).ok());
  std::vector<LogRow> stored;
  ASSERT_TRUE(store_
                  .Read([&](TrialReader& reader) -> absl::Status {
                    VIZSLA_ASSIGN_OR_RETURN(stored, reader.ListLogs(lease.trial.id));
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(stored.size(), 5000u);
  EXPECT_LT(stored.back().text.size(), 5000u);
  EXPECT_THAT(stored.back().text, HasSubstr("(10000 bytes)"));
}

TEST_F(LeasesTest, WatchersWakeOnChanges) {
  Create(SmallSpec("dogs", 1, 2));
  const WorkerId worker = Register("w");
  const LeaseGrant lease = Acquire(worker);
  const uint64_t seen = scheduler_->version();
  EXPECT_EQ(scheduler_->WaitForChange(seen, Milliseconds(1)), seen) << "nothing happened";
  std::thread reporter([&] {
    std::this_thread::sleep_for(Milliseconds(20));
    EXPECT_TRUE(Report(lease, 1, 0.5).ok());
  });
  EXPECT_GT(scheduler_->WaitForChange(seen, std::chrono::seconds(30)), seen);
  reporter.join();
  const uint64_t reported = scheduler_->version();
  Beat(worker, lease, 7);
  EXPECT_GT(scheduler_->version(), reported);
  const uint64_t beaten = scheduler_->version();
  Beat(worker, lease, 7);
  ASSERT_TRUE(Report(lease, 1, 0.5).ok());
  EXPECT_EQ(scheduler_->version(), beaten) << "repeats change no board";
}

TEST_F(LeasesTest, ConcurrentWorkersShareAStudy) {
  Create(SmallSpec("dogs", 24, 3));
  std::mutex mutex;
  std::map<int64_t, int> taken;
  std::vector<std::thread> threads;
  for (int w = 0; w < 6; ++w) {
    threads.emplace_back([&, w] {
      const WorkerId worker = Register(StrCat("w", w));
      for (;;) {
        const auto acquired = scheduler_->Acquire(worker, 1);
        ASSERT_TRUE(acquired.ok());
        if (acquired->nothing_left) return;
        for (const LeaseGrant& lease : acquired->leases) {
          {
            std::lock_guard lock(mutex);
            ++taken[lease.trial.number];
          }
          for (int epoch = 1; epoch <= 3; ++epoch) {
            ASSERT_TRUE(Report(lease, epoch, 0.1 * epoch, epoch == 2).ok());
            Beat(worker, lease, epoch);
          }
          ASSERT_TRUE(Complete(lease).ok());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken.size(), 24u);
  for (const auto& [number, times] : taken) EXPECT_EQ(times, 1) << "trial " << number;
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kFinished);
  EXPECT_EQ(artifacts_.All().size(), 2u + 24u);
}

}  // namespace
}  // namespace vizsla
