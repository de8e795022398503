#include "src/scheduling/attempt_policy.h"

#include "src/base/check.h"
#include "src/scheduling/run_reports.h"

namespace vizsla {
namespace {

void MoveTo(Trial& trial, TrialState state, Timestamp now) {
  VIZSLA_CHECK(CanMove(trial.state, state));
  trial.state = state;
  if (IsFinished(state)) trial.finished_at = now;
}

TrialState StateAfter(AttemptOutcome outcome) {
  switch (outcome) {
    case AttemptOutcome::kCompleted:
      return TrialState::kCompleted;
    case AttemptOutcome::kPruned:
      return TrialState::kPruned;
    case AttemptOutcome::kPaused:
      return TrialState::kPaused;
    case AttemptOutcome::kDiverged:
      return TrialState::kDiverged;
    case AttemptOutcome::kInfeasible:
      return TrialState::kInfeasible;
    case AttemptOutcome::kFailed:
      return TrialState::kFailed;
    case AttemptOutcome::kCancelled:
      return TrialState::kCancelled;
    case AttemptOutcome::kRunning:
    case AttemptOutcome::kCrashed:
    case AttemptOutcome::kPreempted:
      break;
  }
  return TrialState::kQueued;
}

// The epoch whose weights the attempt holds now: its newest report's, or that of the checkpoint it
// started from.
int CurrentEpoch(const Trial& trial, std::span<const EpochReport> reports) {
  int epoch = 0;
  for (const EpochReport& report : reports) {
    if (report.attempt == trial.attempt) epoch = std::max(epoch, report.epoch);
  }
  return epoch > 0 ? epoch : ResumeEpoch(trial);
}

}  // namespace

Trial BeginAttempt(const Trial& trial, const std::string& worker, Timestamp now) {
  Trial next = trial;
  MoveTo(next, TrialState::kRunning, now);
  next.attempt = AttemptNumber(trial.attempt.value() + 1);
  next.worker = worker;
  next.reason.clear();
  if (!next.started_at) next.started_at = now;
  return next;
}

AttemptOutcome TrueOutcome(AttemptOutcome given, std::span<const EpochReport> reports,
                           const Trial& trial) {
  const bool claims_a_result = given == AttemptOutcome::kCompleted ||
                               given == AttemptOutcome::kPruned || given == AttemptOutcome::kPaused;
  return claims_a_result && RunHasDiverged(reports, trial) ? AttemptOutcome::kDiverged : given;
}

absl::StatusOr<Trial> EndAttempt(const Study& study, const Trial& trial,
                                 std::span<const EpochReport> reports, const Completion& completion,
                                 Timestamp now) {
  const AttemptOutcome outcome = TrueOutcome(completion.outcome, reports, trial);
  if (outcome == AttemptOutcome::kRunning) {
    return absl::InvalidArgumentError("an attempt cannot end as running");
  }
  if (outcome == AttemptOutcome::kCompleted && !trial.score) {
    return absl::FailedPreconditionError(
        StrCat("trial ", trial.number, " cannot be completed: no epoch of it has been reported"));
  }
  Trial next = trial;
  if (!completion.last_checkpoint.empty()) {
    const int current = CurrentEpoch(trial, reports);
    const bool known = completion.last_checkpoint == trial.last_checkpoint &&
                       completion.last_checkpoint_epoch == trial.last_checkpoint_epoch;
    if (!known && completion.last_checkpoint_epoch != current) {
      return absl::InvalidArgumentError(
          StrCat("the last checkpoint of trial ", trial.number, " is said to be of epoch ",
                 completion.last_checkpoint_epoch, ", but the attempt stands at epoch ", current));
    }
    next.last_checkpoint = completion.last_checkpoint;
    next.last_checkpoint_epoch = completion.last_checkpoint_epoch;
  }
  next.reason = completion.reason;
  if (outcome != AttemptOutcome::kCrashed) {
    MoveTo(next, StateAfter(outcome), now);
    if (outcome == AttemptOutcome::kDiverged && next.reason.empty()) {
      next.reason = "a metric is not finite";
    }
    return next;
  }
  next.crashes += 1;
  if (next.crashes < study.spec.max_crashes) {
    MoveTo(next, TrialState::kQueued, now);
    return next;
  }
  MoveTo(next, TrialState::kFailed, now);
  next.reason = StrCat("crashed ", next.crashes, " times; the last time: ",
                       completion.reason.empty() ? "no reason given" : completion.reason);
  return next;
}

Trial PrunePausedTrial(const Trial& trial, const std::string& reason, Timestamp now) {
  Trial next = trial;
  MoveTo(next, TrialState::kPruned, now);
  next.reason = reason;
  return next;
}

Trial Promote(const Trial& trial, Timestamp now) {
  Trial next = trial;
  MoveTo(next, TrialState::kQueued, now);
  next.reason.clear();
  ++next.rung;
  return next;
}

}  // namespace vizsla
