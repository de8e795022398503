// The pure policies: state in, decision out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "src/scheduling/artifact_guard.h"
#include "src/scheduling/attempt_policy.h"
#include "src/scheduling/budget_policy.h"
#include "src/scheduling/fencing.h"
#include "src/scheduling/lease_table.h"
#include "src/scheduling/report_policy.h"
#include "src/scheduling/retention.h"
#include "src/scheduling/run_reports.h"
#include "tests/scheduling/harness.h"

namespace vizsla {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr Timestamp kNow{Milliseconds(1'000'000)};

std::string Message(const absl::Status& status) { return std::string(status.message()); }

EpochReport At(int epoch, double accuracy, int64_t attempt = 1, const std::string& hash = "h") {
  EpochReport report;
  report.epoch = epoch;
  report.attempt = AttemptNumber(attempt);
  report.metrics = {{"val_accuracy", accuracy}};
  report.checkpoint_hash = hash;
  return report;
}

Trial Running(int64_t attempt = 1) {
  Trial trial;
  trial.number = 3;
  trial.state = TrialState::kRunning;
  trial.attempt = AttemptNumber(attempt);
  return trial;
}

Study TenEpochs() {
  Study study;
  study.spec.budget.epochs = 10;
  return study;
}

// --- fencing ---

TEST(FencingTest, OnlyTheNewestRunningAttemptSpeaks) {
  Trial trial = Running(2);
  EXPECT_TRUE(CheckLease(trial, AttemptNumber(2)).ok());
  EXPECT_EQ(Message(CheckLease(trial, AttemptNumber(1))),
            "attempt 1 of trial 3 no longer holds the lease (attempt 2 does)");
  EXPECT_THAT(Message(CheckLease(trial, AttemptNumber(3))), HasSubstr("was never given"));
  trial.state = TrialState::kQueued;
  EXPECT_EQ(Message(CheckLease(trial, AttemptNumber(2))),
            "attempt 2 of trial 3 no longer holds the lease (the trial is queued)");
  EXPECT_TRUE(absl::IsFailedPrecondition(CheckLease(trial, AttemptNumber(2))));
}

// --- reports ---

class ReportPolicyTest : public ::testing::Test {
 protected:
  absl::StatusOr<ReportDecision> Decide(const EpochReport& report, const std::string& last = "",
                                        bool exists = true, bool last_exists = true) {
    return DecideReport({study_, trial_, reports_, report, last, exists, last_exists});
  }
  // Applies a report that must be accepted.
  ReportDecision Accept(const EpochReport& report, const std::string& last = "") {
    auto decision = Decide(report, last);
    EXPECT_TRUE(decision.ok()) << decision.status();
    trial_ = decision->trial;
    reports_ = decision->reports;
    return *decision;
  }

  Study study_ = TenEpochs();
  Trial trial_ = Running();
  std::vector<EpochReport> reports_;
};

TEST_F(ReportPolicyTest, TheBestEpochGivesTheScore) {
  EXPECT_EQ(Accept(At(1, 0.5, 1, "one")).directive, ReportDirective::kContinue);
  EXPECT_EQ(trial_.score, 0.5);
  Accept(At(2, 0.8, 1, "two"));
  Accept(At(3, 0.7, 1, ""));
  Accept(At(4, 0.8, 1, ""));  // a tie: the earlier epoch stays
  EXPECT_EQ(trial_.epoch, 4);
  EXPECT_EQ(trial_.score, 0.8);
  EXPECT_EQ(trial_.best_epoch, 2);
  EXPECT_EQ(trial_.best_checkpoint, "two");
}

TEST_F(ReportPolicyTest, TheEpochIsSelectedByTheStudysWord) {
  study_.spec.objective.select_by = "val_loss";
  study_.spec.objective.select_direction = Direction::kMinimize;
  const auto with_loss = [](EpochReport report, double loss) {
    report.metrics["val_loss"] = loss;
    return report;
  };
  Accept(with_loss(At(1, 0.5, 1, "one"), 1.0));
  Accept(with_loss(At(2, 0.9, 1, ""), 1.2));
  Accept(with_loss(At(3, 0.6, 1, "three"), 0.8));
  EXPECT_EQ(trial_.best_epoch, 3);
  EXPECT_EQ(trial_.score, 0.6);
  const auto missing = Decide(At(4, 0.5)).status();
  EXPECT_TRUE(absl::IsInvalidArgument(missing));
  EXPECT_THAT(Message(missing), HasSubstr("lacks val_loss, by which the study selects"));
}

TEST_F(ReportPolicyTest, ABestNeedsItsCheckpoint) {
  const auto none = Decide(At(1, 0.5, 1, "")).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(none));
  EXPECT_THAT(Message(none),
              HasSubstr("epoch 1 of trial 3 is a new best, but the report names no checkpoint"));
  const auto absent = Decide(At(1, 0.5, 1, "gone"), "", false).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(absent));
  EXPECT_THAT(Message(absent), HasSubstr("the checkpoint of epoch 1 (gone) is not stored"));
  const auto no_last = Decide(At(1, 0.5), "lost", true, false).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(no_last));
  EXPECT_THAT(Message(no_last), HasSubstr("the last checkpoint of epoch 1 (lost) is not stored"));
}

TEST_F(ReportPolicyTest, RepeatsAreTheSameAnswer) {
  Accept(At(1, 0.5, 1, "one"));
  Accept(At(2, 0.8, 1, "two"));
  const auto again = Decide(At(1, 0.5, 1, "one"), "", false);  // its checkpoint may be gone by now
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->repeated);
  EXPECT_EQ(again->trial.epoch, 2);
  const auto other = Decide(At(2, 0.81, 1, "two")).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(other));
  EXPECT_THAT(Message(other), HasSubstr("attempt 1 of trial 3 has reported epoch 2 already, with "
                                        "other values"));
  EXPECT_TRUE(absl::IsFailedPrecondition(Decide(At(2, 0.8, 1, "another")).status()));
  Accept(At(3, std::nan(""), 1, ""));
  EXPECT_TRUE(Decide(At(3, std::nan(""), 1, ""))->repeated) << "NaN repeats as NaN";
}

TEST_F(ReportPolicyTest, EpochsComeInOrderWithinTheBudget) {
  EXPECT_THAT(Message(Decide(At(2, 0.5)).status()),
              HasSubstr("attempt 1 of trial 3 reports epoch 2, but epoch 1 is the next"));
  for (const int epoch : {0, -1, 11}) {
    const auto outside = Decide(At(epoch, 0.5)).status();
    EXPECT_TRUE(absl::IsInvalidArgument(outside));
    EXPECT_THAT(Message(outside), HasSubstr("outside the trial's budget of 10 epochs"));
  }
  Accept(At(1, 0.5));
  EXPECT_TRUE(absl::IsInvalidArgument(Decide(At(3, 0.5)).status()));
}

TEST_F(ReportPolicyTest, TheObjectiveIsNeeded) {
  EpochReport report = At(1, 0.5);
  report.metrics = {{"val_loss", 0.1}};
  const auto status = Decide(report).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(Message(status), HasSubstr("epoch 1 lacks val_accuracy, the study's objective"));
}

TEST_F(ReportPolicyTest, AResumedAttemptReplacesWhatItRunsAgain) {
  Accept(At(1, 0.5, 1, "one"));
  Accept(At(2, 0.6, 1, "two"), "last two");
  Accept(At(3, 0.9, 1, "three"));
  Accept(At(4, 0.7, 1, ""));
  trial_ = BeginAttempt(
      [&] {
        Trial queued = trial_;
        queued.state = TrialState::kQueued;
        return queued;
      }(),
      "w", kNow);
  EXPECT_EQ(trial_.score, 0.9) << "until it is run again";
  EXPECT_TRUE(absl::IsFailedPrecondition(Decide(At(5, 0.5, 1)).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Decide(At(5, 0.5, 2)).status()));

  // Epoch 3 is worse now. Its old value and the abandoned epoch 4 no longer count.
  Accept(At(3, 0.55, 2, ""));
  EXPECT_EQ(trial_.score, 0.6);
  EXPECT_EQ(trial_.best_checkpoint, "two");
  EXPECT_EQ(trial_.epoch, 3);
  EXPECT_EQ(reports_.size(), 4u) << "stored until it is replaced";
  // Better than what this run has, though not than the abandoned 0.9: a new best with weights.
  EXPECT_TRUE(absl::IsFailedPrecondition(Decide(At(4, 0.65, 2, "")).status()));
  Accept(At(4, 0.65, 2, "four"));
  EXPECT_EQ(trial_.best_epoch, 4);
}

TEST_F(ReportPolicyTest, AnAttemptThatCannotResumeStartsOver) {
  Accept(At(1, 0.5, 1, "one"), "last one");
  Accept(At(2, 0.9, 1, "two"), "last two");
  trial_.attempt = AttemptNumber(2);
  Accept(At(1, 0.3, 2, "one again"));
  EXPECT_EQ(trial_.score, 0.3);
  EXPECT_EQ(trial_.last_checkpoint, "");
  EXPECT_EQ(trial_.last_checkpoint_epoch, 0);
  Accept(At(2, 0.2, 2, ""));
  EXPECT_EQ(trial_.best_checkpoint, "one again");
}

TEST_F(ReportPolicyTest, DivergedRunsArePrunedAndNeedNoCheckpoint) {
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(Decide(At(1, std::nan(""), 1, ""))->directive, ReportDirective::kPrune);
  EpochReport report = At(1, 0.5, 1, "");
  report.metrics["train_loss"] = inf;
  EXPECT_EQ(Accept(report).directive, ReportDirective::kPrune);
  EXPECT_EQ(Accept(At(2, 0.9, 1, "two")).directive, ReportDirective::kPrune) << "once and for all";
  EXPECT_EQ(TrueOutcome(AttemptOutcome::kCompleted, reports_, trial_), AttemptOutcome::kDiverged);
  EXPECT_EQ(TrueOutcome(AttemptOutcome::kPreempted, reports_, trial_), AttemptOutcome::kPreempted);
}

TEST_F(ReportPolicyTest, TheStudysStateIsTheDirective) {
  study_.state = StudyState::kStopped;
  EXPECT_EQ(Decide(At(1, 0.5))->directive, ReportDirective::kPreempt);
  study_.state = StudyState::kFinished;
  EXPECT_EQ(Decide(At(1, 0.5))->directive, ReportDirective::kCancel);
}

// --- the ends of attempts ---

class AttemptPolicyTest : public ::testing::Test {
 protected:
  absl::StatusOr<Trial> End(AttemptOutcome outcome, const std::string& reason = "",
                            const std::string& last = "", int last_epoch = 0) {
    return EndAttempt(study_, trial_, reports_, {outcome, reason, last, last_epoch}, kNow);
  }
  Study study_ = TenEpochs();
  Trial trial_ = Running();
  std::vector<EpochReport> reports_;
};

TEST_F(AttemptPolicyTest, OutcomesBecomeStates) {
  trial_.score = 0.5;
  const std::pair<AttemptOutcome, TrialState> expected[] = {
      {AttemptOutcome::kCompleted, TrialState::kCompleted},
      {AttemptOutcome::kPruned, TrialState::kPruned},
      {AttemptOutcome::kPaused, TrialState::kPaused},
      {AttemptOutcome::kDiverged, TrialState::kDiverged},
      {AttemptOutcome::kInfeasible, TrialState::kInfeasible},
      {AttemptOutcome::kFailed, TrialState::kFailed},
      {AttemptOutcome::kCrashed, TrialState::kQueued},
      {AttemptOutcome::kPreempted, TrialState::kQueued},
      {AttemptOutcome::kCancelled, TrialState::kCancelled}};
  for (const auto& [outcome, state] : expected) {
    const auto ended = End(outcome, "because");
    ASSERT_TRUE(ended.ok()) << ended.status();
    EXPECT_EQ(ended->state, state) << ToText(outcome);
    EXPECT_EQ(ended->finished_at.has_value(), IsFinished(state));
    EXPECT_EQ(ended->crashes, outcome == AttemptOutcome::kCrashed ? 1 : 0);
    EXPECT_EQ(ended->reason, "because");
  }
  EXPECT_TRUE(absl::IsInvalidArgument(End(AttemptOutcome::kRunning).status()));
}

TEST_F(AttemptPolicyTest, CompletedNeedsAScore) {
  const auto ended = End(AttemptOutcome::kCompleted).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(ended));
  EXPECT_THAT(Message(ended), HasSubstr("trial 3 cannot be completed"));
}

TEST_F(AttemptPolicyTest, TheLastCrashFails) {
  study_.spec.max_crashes = 3;
  trial_.crashes = 1;
  EXPECT_EQ(End(AttemptOutcome::kCrashed)->state, TrialState::kQueued);
  trial_.crashes = 2;
  const auto failed = End(AttemptOutcome::kCrashed, "segmentation fault");
  EXPECT_EQ(failed->state, TrialState::kFailed);
  EXPECT_EQ(failed->crashes, 3);
  EXPECT_EQ(failed->reason, "crashed 3 times; the last time: segmentation fault");
  EXPECT_EQ(End(AttemptOutcome::kPreempted)->state, TrialState::kQueued);
  EXPECT_EQ(End(AttemptOutcome::kPreempted)->crashes, 2);
}

TEST_F(AttemptPolicyTest, ALastCheckpointIsOfTheNewestEpoch) {
  reports_ = {At(1, 0.5), At(2, 0.6)};
  trial_.epoch = 2;
  EXPECT_EQ(End(AttemptOutcome::kPreempted, "", "l", 2)->last_checkpoint, "l");
  EXPECT_EQ(End(AttemptOutcome::kPreempted, "", "l", 2)->last_checkpoint_epoch, 2);
  EXPECT_TRUE(absl::IsInvalidArgument(End(AttemptOutcome::kPreempted, "", "l", 1).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(End(AttemptOutcome::kPreempted, "", "l", 3).status()));
  trial_.last_checkpoint = "known";
  trial_.last_checkpoint_epoch = 1;
  EXPECT_EQ(End(AttemptOutcome::kPreempted, "", "known", 1)->last_checkpoint_epoch, 1);
  EXPECT_EQ(End(AttemptOutcome::kPreempted)->last_checkpoint, "known");
}

TEST_F(AttemptPolicyTest, ATrialBeginsOnceAndCountsAttempts) {
  Trial queued;
  const Trial first = BeginAttempt(queued, "a", kNow);
  EXPECT_EQ(first.state, TrialState::kRunning);
  EXPECT_EQ(first.attempt, AttemptNumber(1));
  EXPECT_EQ(first.started_at, kNow);
  Trial again = first;
  again.state = TrialState::kQueued;
  again.reason = "crashed";
  const Trial second = BeginAttempt(again, "b", kNow + Milliseconds(5));
  EXPECT_EQ(second.attempt, AttemptNumber(2));
  EXPECT_EQ(second.started_at, kNow);
  EXPECT_EQ(second.worker, "b");
  EXPECT_EQ(second.reason, "");
}

// --- retention ---

TEST(RetentionTest, WhileItMayGoOnItKeepsWhatAResumeNeeds) {
  const Objective objective;
  const std::vector<EpochReport> reports = {At(1, 0.6, 1, "one"), At(2, 0.5, 1, "two"),
                                            At(3, 0.9, 1, "three"), At(4, 0.8, 1, "four")};
  Trial before = Running();
  before.epoch = 3;
  before.last_checkpoint = "older last";
  Trial after = before;
  after.epoch = 4;
  after.last_checkpoint = "last";
  after.last_checkpoint_epoch = 2;
  UpdateScore(objective, reports, after);
  EXPECT_THAT(CheckpointsToKeep(objective, after, reports),
              UnorderedElementsAre("one", "three", "last"));
  const Retention kept = Retain(objective, before, after, reports);
  EXPECT_THAT(kept.released, UnorderedElementsAre("two", "four", "older last"));
  ASSERT_EQ(kept.cleared.size(), 2u);
  EXPECT_EQ(kept.cleared[0].epoch, 2);
  EXPECT_EQ(kept.cleared[0].checkpoint_hash, "");
  EXPECT_EQ(kept.cleared[1].epoch, 4);
}

TEST(RetentionTest, AfterItsEndItKeepsTheBestAlone) {
  const Objective objective;
  const std::vector<EpochReport> reports = {At(1, 0.6, 1, "one"), At(2, 0.9, 1, "two")};
  Trial trial = Running();
  trial.epoch = 2;
  trial.last_checkpoint = "last";
  trial.last_checkpoint_epoch = 1;
  UpdateScore(objective, reports, trial);
  Trial ended = trial;
  ended.state = TrialState::kCompleted;
  const Retention kept = Retain(objective, trial, ended, reports);
  EXPECT_THAT(kept.released, UnorderedElementsAre("one", "last"));
  EXPECT_EQ(kept.trial.last_checkpoint, "");
  EXPECT_EQ(kept.trial.best_checkpoint, "two");
  Trial paused = trial;
  paused.state = TrialState::kPaused;
  EXPECT_THAT(Retain(objective, trial, paused, reports).released, IsEmpty());
}

TEST(RetentionTest, OneFileWithTwoNamesStays) {
  const Objective objective;
  const std::vector<EpochReport> reports = {At(1, 0.6, 1, "same"), At(2, 0.5, 1, "")};
  Trial trial = Running();
  trial.epoch = 2;
  trial.last_checkpoint = "same";
  UpdateScore(objective, reports, trial);
  Trial ended = trial;
  ended.state = TrialState::kCompleted;
  EXPECT_THAT(Retain(objective, trial, ended, reports).released, IsEmpty());
}

// --- budgets ---

TEST(BudgetPolicyTest, OnlyRaises) {
  const Budget stored{10, 30, std::chrono::seconds(100)};
  EXPECT_EQ(*RaiseBudget(stored, {12, 40, std::chrono::seconds(200)}),
            (Budget{12, 40, std::chrono::seconds(200)}));
  EXPECT_EQ(*RaiseBudget(stored, {10, 30, {}}), (Budget{10, 30, {}})) << "no limit is more";
  EXPECT_TRUE(RaiseBudget(stored, {0, 30, {}}).ok()) << "the whole grid is more";
  const auto lowered = [&](const Budget& from, const Budget& to) {
    const auto raised = RaiseBudget(from, to);
    EXPECT_TRUE(absl::IsFailedPrecondition(raised.status()));
    return Message(raised.status());
  };
  EXPECT_EQ(lowered(stored, {9, 30, {}}),
            "a study's budget can only be raised: trials is 10, given 9");
  EXPECT_THAT(lowered(stored, {10, 29, {}}), HasSubstr("epochs is 30, given 29"));
  EXPECT_THAT(lowered(stored, {10, 30, std::chrono::seconds(99)}),
              HasSubstr("wall_time (seconds) is 100, given 99"));
  EXPECT_THAT(lowered({0, 30, {}}, {5, 30, {}}), HasSubstr("trials is the whole grid, given 5"));
  EXPECT_THAT(lowered({5, 30, {}}, stored), HasSubstr("wall_time (seconds) is unlimited, given"));
}

TEST(BudgetPolicyTest, PlansTrials) {
  Study study;
  study.spec = SmallSpec("s", 10, 3);
  EXPECT_EQ(PlannedTrials(study, {2}), 10);
  study.spec.enqueue.resize(12);
  EXPECT_EQ(PlannedTrials(study, {12}), 12) << "enqueued trials run in any case";
  study.spec = GridSpec("g", 0, 3);
  EXPECT_EQ(PlannedTrials(study, {0}), 4);
  study.spec.budget.trials = 3;
  EXPECT_EQ(PlannedTrials(study, {0}), 3);
  study.spec.budget.trials = 0;
  study.spec.enqueue.resize(1);
  study.spec.enqueue[0].configuration = {{"pooling", std::string("avg")}, {"units", int64_t{99}}};
  EXPECT_EQ(PlannedTrials(study, {1}), 5) << "an enqueued one outside the grid comes on top";
  study.state = StudyState::kFinished;
  EXPECT_EQ(PlannedTrials(study, {2}), 2);
}

// --- leases ---

class LeaseTableTest : public ::testing::Test {
 protected:
  Timestamp At(int64_t seconds) const { return kNow + std::chrono::seconds(seconds); }
  LeaseTable table_{std::chrono::seconds(30), std::chrono::seconds(100)};
  const LeaseKey key_{TrialId(1), AttemptNumber(1)};
};

TEST_F(LeaseTableTest, RunsOutWithoutBeats) {
  table_.Grant(key_, At(0));
  EXPECT_FALSE(table_.IsExpired(key_, At(29)));
  EXPECT_TRUE(table_.IsExpired(key_, At(30)));
  EXPECT_EQ(table_.ExpiryReason(key_, At(30)), "the lease ran out: no heartbeat for 30 s");
  EXPECT_TRUE(table_.Beat(key_, {1, 5, 10}, At(20)));
  EXPECT_FALSE(table_.IsExpired(key_, At(49)));
  EXPECT_THAT(table_.Expired(At(50)), ElementsAre(key_));
}

TEST_F(LeaseTableTest, BeatsWithoutProgressDoNotRenewForEver) {
  table_.Grant(key_, At(0));
  table_.Beat(key_, {1, 5, 10}, At(5));
  int64_t second = 10;
  for (; !table_.IsExpired(key_, At(second)) && second < 1000; second += 5) {
    EXPECT_FALSE(table_.Beat(key_, {1, 5, 10}, At(second)));
  }
  // Renewed for the last time at 100 s, just within the 100 s of the last progress at 5 s.
  EXPECT_EQ(second, 130);
  EXPECT_EQ(table_.ExpiryReason(key_, At(130)), "the lease ran out: no progress for 125 s");
  EXPECT_TRUE(table_.Beat(key_, {1, 6, 10}, At(130)));
  EXPECT_FALSE(table_.IsExpired(key_, At(130)));
}

TEST_F(LeaseTableTest, AReportIsProgress) {
  table_.Grant(key_, At(0));
  table_.Beat(key_, {1, 5, 10}, At(1));
  table_.Renew(key_, At(90));
  table_.Beat(key_, {1, 5, 10}, At(110));
  EXPECT_FALSE(table_.IsExpired(key_, At(139)));
}

TEST_F(LeaseTableTest, AllBeginAnew) {
  const LeaseKey hung{TrialId(2), AttemptNumber(3)};
  table_.Grant(key_, At(0));
  table_.Beat(hung, {1, 5, 10}, At(0));
  table_.RenewAll(At(500));
  EXPECT_THAT(table_.Expired(At(529)), IsEmpty());
  // The time without progress counts from there, too.
  table_.Beat(hung, {1, 5, 10}, At(599));
  EXPECT_THAT(table_.Expired(At(628)), ElementsAre(key_));
  table_.RenewAll(At(-500));  // the clock was put back
  EXPECT_THAT(table_.Expired(At(-470)), ElementsAre(key_, hung));
}

TEST_F(LeaseTableTest, OlderAttemptsDoNotReplaceNewerOnes) {
  const LeaseKey second{TrialId(1), AttemptNumber(2)};
  table_.Grant(second, At(0));
  table_.Grant(key_, At(10));
  EXPECT_TRUE(table_.Holds(second));
  EXPECT_FALSE(table_.Holds(key_));
  table_.Beat(key_, {1, 1, 1}, At(20));
  table_.Renew(key_, At(20));
  table_.Erase(key_);
  EXPECT_TRUE(table_.IsExpired(second, At(30)));
  EXPECT_THAT(table_.AllProgress(), IsEmpty());
}

// --- artifacts ---

TEST(ArtifactGuardTest, WhatIsHeldOrReferencedStays) {
  ManualClock clock{kNow};
  FakeArtifacts artifacts(clock);
  const std::string hash = artifacts.Add("checkpoint");
  ArtifactGuard guard;
  const auto unreferenced = []() -> absl::StatusOr<bool> { return false; };
  const auto referenced = []() -> absl::StatusOr<bool> { return true; };
  const auto broken = []() -> absl::StatusOr<bool> { return absl::InternalError("no store"); };
  {
    ArtifactGuard::Hold hold(guard, {hash, "", hash});
    EXPECT_FALSE(*guard.Remove(artifacts, hash, unreferenced));
  }
  EXPECT_FALSE(*guard.Remove(artifacts, hash, referenced));
  EXPECT_FALSE(guard.Remove(artifacts, hash, broken).ok());
  EXPECT_TRUE(artifacts.Exists(hash));
  EXPECT_TRUE(*guard.Remove(artifacts, hash, unreferenced));
  EXPECT_FALSE(artifacts.Exists(hash));
}

TEST(ArtifactGuardTest, AHolderWaitsForARemovalInProgress) {
  ManualClock clock{kNow};
  FakeArtifacts artifacts(clock);
  const std::string hash = artifacts.Add("checkpoint");
  ArtifactGuard guard;
  bool existed = true;
  std::thread holder;
  ASSERT_TRUE(guard
                  .Remove(artifacts, hash,
                          [&]() -> absl::StatusOr<bool> {
                            holder = std::thread([&] {
                              ArtifactGuard::Hold hold(guard, {hash});
                              existed = artifacts.Exists(hash);
                            });
                            std::this_thread::sleep_for(std::chrono::milliseconds(50));
                            return false;
                          })
                  .ok());
  holder.join();
  EXPECT_FALSE(existed) << "it must see the removal, not cross it";
}

}  // namespace
}  // namespace vizsla
