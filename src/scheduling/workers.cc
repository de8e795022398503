// Workers: registration, leases, heartbeats.
#include <algorithm>

#include "src/base/log.h"
#include "src/base/log_scope.h"
#include "src/scheduling/attempt_policy.h"
#include "src/scheduling/fencing.h"
#include "src/scheduling/lineage.h"
#include "src/scheduling/report_policy.h"
#include "src/scheduling/run_reports.h"
#include "src/scheduling/scheduler_impl.h"

namespace vizsla {
namespace {

// The last trials run elsewhere; they may crash and come back.
constexpr Milliseconds kRetry{1000};
// For who waits for a study to come.
constexpr Milliseconds kRetryWhenNothingIsLeft{2000};

bool Has(const std::vector<std::string>& list, const std::string& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// What the worker lacks to train this study; empty when it may.
std::string WhatIsMissing(const WorkerInfo& worker, const Study& study) {
  const PinnedInputs& inputs = study.inputs;
  if (!Has(worker.dataset_fingerprints, inputs.dataset_fingerprint)) {
    return StrCat("study '", study.spec.name, "' is pinned to the data set ",
                  inputs.dataset_fingerprint, ", which this worker does not have");
  }
  if (!inputs.weights_hash.empty() && !Has(worker.weights_hashes, inputs.weights_hash)) {
    return StrCat("study '", study.spec.name, "' is pinned to the weights ", inputs.weights_hash,
                  ", which this worker does not have");
  }
  return "";
}

absl::Status UnknownWorker(WorkerId worker) {
  return absl::NotFoundError(StrCat("worker ", worker.value(),
                                    " is not known here (the coordinator was restarted); "
                                    "register again"));
}

}  // namespace

void SchedulerImpl::Touch(Worker& worker, Timestamp now) {
  worker.last_seen = now;
  idle_since_ = now + options_.lease;
}

absl::StatusOr<WorkerId> SchedulerImpl::RegisterWorker(const WorkerInfo& worker) {
  if (worker.name.empty()) return absl::InvalidArgumentError("the worker has no name");
  if (worker.ranks < 1) {
    return absl::InvalidArgumentError(
        StrCat("worker ", worker.name, " has ", worker.ranks, " ranks"));
  }
  std::lock_guard lock(mutex_);
  const auto known = std::find_if(workers_.begin(), workers_.end(), [&](const auto& entry) {
    return entry.second.info.name == worker.name;
  });
  const WorkerId id = known != workers_.end() ? known->first : WorkerId(next_worker_++);
  Worker& entry = workers_[id];
  entry.info = worker;
  Touch(entry, clock_.Now());
  return id;
}

absl::StatusOr<Acquired> SchedulerImpl::Acquire(WorkerId worker, int max_trials) {
  WorkerInfo info;
  {
    std::lock_guard lock(mutex_);
    const auto found = workers_.find(worker);
    if (found == workers_.end()) return UnknownWorker(worker);
    Touch(found->second, clock_.Now());
    info = found->second.info;
  }
  Acquired acquired;
  VIZSLA_RETURN_IF_ERROR(Commit([&](TrialWriter& writer, Effects& effects) {
    return AcquireChange(writer, info, std::max(1, max_trials), acquired, effects);
  }));
  return acquired;
}

absl::Status SchedulerImpl::AcquireChange(TrialWriter& writer, const WorkerInfo& worker,
                                          int max_trials, Acquired& acquired, Effects& effects) {
  VIZSLA_RETURN_IF_ERROR(GiveBackHeldBy(writer, worker.name, effects));
  bool found_name = worker.study.empty();
  bool wait = false;
  // Why there is nothing, from the least to the most telling.
  std::string mismatch;
  std::string ended;
  std::string waiting;
  VIZSLA_ASSIGN_OR_RETURN(std::vector<Study> studies, writer.ListStudies());
  for (Study& study : studies) {
    if (!worker.study.empty() && study.spec.name != worker.study) continue;
    found_name = true;
    if (study.state != StudyState::kActive) {
      if (!worker.study.empty()) {
        VIZSLA_ASSIGN_OR_RETURN(const std::string stuck, StageThatNeverBegan(writer, study));
        ended = StrCat("study '", study.spec.name, "' ",
                       study.state == StudyState::kStopped ? "is stopped" : "has finished",
                       study.end_reason.empty() ? "" : StrCat(": ", study.end_reason), stuck);
      }
      continue;
    }
    if (const std::string missing = WhatIsMissing(worker, study); !missing.empty()) {
      if (mismatch.empty()) mismatch = missing;
      continue;
    }
    while (static_cast<int>(acquired.leases.size()) < max_trials) {
      VIZSLA_RETURN_IF_ERROR(StopIfDue(writer, study, effects));
      if (study.state != StudyState::kActive) break;
      VIZSLA_ASSIGN_OR_RETURN(std::optional<Trial> trial, NextTrial(writer, study, effects));
      if (!trial) break;
      VIZSLA_ASSIGN_OR_RETURN(LeaseGrant grant,
                              GrantLease(writer, study, *trial, worker.name, effects));
      acquired.leases.push_back(std::move(grant));
    }
    if (static_cast<int>(acquired.leases.size()) >= max_trials) break;
    VIZSLA_ASSIGN_OR_RETURN(const bool running, writer.AnyTrial(study.id, kRunning));
    if (running) {
      wait = true;
      waiting = StrCat("the last trials of study '", study.spec.name,
                       "' are running; they come back if they crash");
    } else {
      VIZSLA_RETURN_IF_ERROR(FinishIfDone(writer, study, effects));
      VIZSLA_ASSIGN_OR_RETURN(const std::string stuck, StageThatNeverBegan(writer, study));
      ended = study.end_reason.empty()
                  ? StrCat("every trial of study '", study.spec.name, "' has ended", stuck)
                  : StrCat("study '", study.spec.name, "' has finished: ", study.end_reason);
    }
  }
  if (!acquired.leases.empty()) return absl::OkStatus();
  acquired.nothing_left = !wait;
  acquired.retry_after = wait ? kRetry : kRetryWhenNothingIsLeft;
  if (wait) {
    acquired.explanation = waiting;
  } else if (!ended.empty()) {
    acquired.explanation = ended;
  } else if (!mismatch.empty()) {
    acquired.explanation = mismatch;
  } else if (!found_name) {
    acquired.explanation = StrCat("there is no study '", worker.study, "'");
  } else {
    acquired.explanation = "no study is active";
  }
  return absl::OkStatus();
}

absl::Status SchedulerImpl::GiveBackHeldBy(TrialWriter& writer, const std::string& worker,
                                           Effects& effects) {
  Completion completion;
  completion.outcome = AttemptOutcome::kPreempted;
  completion.reason = "its worker asked for a trial again: it never got this one";
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> held, writer.ListHeldBy(worker));
  for (const Trial& trial : held) {
    // The end of one before it may have ended the study, and with it this attempt.
    VIZSLA_ASSIGN_OR_RETURN(const Trial now, writer.GetTrial(trial.id));
    if (now.state != TrialState::kRunning) continue;
    VIZSLA_ASSIGN_OR_RETURN(const Study study, writer.GetStudy(trial.study));
    VIZSLA_RETURN_IF_ERROR(
        EndRunningAttempt(writer, study, trial, completion, clock_.Now(), effects).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<LeaseGrant> SchedulerImpl::GrantLease(TrialWriter& writer, const Study& study,
                                                     const Trial& trial, const std::string& worker,
                                                     Effects& effects) {
  const Timestamp now = clock_.Now();
  LeaseGrant grant;
  grant.trial = BeginAttempt(trial, worker, now);
  if (!grant.trial.last_checkpoint.empty() && !artifacts_.Exists(grant.trial.last_checkpoint)) {
    const LogScope scope({study.spec.name, trial.number, grant.trial.attempt.value()});
    log::warn("trial {} of study '{}' starts over: its checkpoint {} is gone", trial.number,
              study.spec.name, grant.trial.last_checkpoint);
    grant.trial.last_checkpoint.clear();
    grant.trial.last_checkpoint_epoch = 0;
  }
  VIZSLA_RETURN_IF_ERROR(writer.UpdateTrial(grant.trial));
  ObserveChange(grant.trial);
  AttemptRow attempt;
  attempt.trial = trial.id;
  attempt.attempt = grant.trial.attempt;
  attempt.worker = worker;
  attempt.started_at = now;
  VIZSLA_RETURN_IF_ERROR(writer.UpsertAttempt(attempt));
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<EpochReport> reports, writer.ListReports(trial.id));
  // Only what the attempt builds on: later epochs are run again, and neither its early stopping nor
  // its best epoch may look at those of an abandoned run.
  VIZSLA_ASSIGN_OR_RETURN(grant.history, AncestorReports(writer, grant.trial));
  const auto history = UpToEpoch(reports, grant.trial.last_checkpoint_epoch);
  grant.history.insert(grant.history.end(), history.begin(), history.end());
  grant.study = study;
  grant.attempt = grant.trial.attempt;
  grant.resume_checkpoint = grant.trial.last_checkpoint;
  if (grant.resume_checkpoint.empty() && grant.trial.lineage.parent != 0) {
    const int64_t number = grant.trial.lineage.parent;
    VIZSLA_ASSIGN_OR_RETURN(Trial parent, writer.FindTrial(study.id, number));
    grant.resume_checkpoint = grant.trial.lineage.checkpoint;
    grant.parent = ResumedParent{number, std::move(parent.configuration)};
  }
  grant.init_checkpoint = grant.trial.warm_start.checkpoint;
  effects.granted.push_back({trial.id, grant.attempt});
  effects.changed = true;
  return grant;
}

absl::StatusOr<ReportDirective> SchedulerImpl::Heartbeat(WorkerId worker, TrialId trial_id,
                                                         AttemptNumber attempt,
                                                         const Progress& progress) {
  const Timestamp now = clock_.Now();
  {
    std::lock_guard lock(mutex_);
    const auto found = workers_.find(worker);
    if (found == workers_.end()) return UnknownWorker(worker);
    Touch(found->second, now);
  }
  ReportDirective directive = ReportDirective::kCancel;
  bool holds = false;
  VIZSLA_RETURN_IF_ERROR(store_.Read([&](TrialReader& reader) -> absl::Status {
    auto trial = reader.GetTrial(trial_id);
    if (absl::IsNotFound(trial.status())) return absl::OkStatus();
    VIZSLA_RETURN_IF_ERROR(trial.status());
    holds = HoldsLease(*trial, attempt);
    if (!holds) return absl::OkStatus();
    VIZSLA_ASSIGN_OR_RETURN(const Study study, reader.GetStudy(trial->study));
    directive = DirectiveFor(study, *trial, {});
    return absl::OkStatus();
  }));
  if (!holds) return ReportDirective::kCancel;
  bool moved = false;
  {
    std::lock_guard lock(mutex_);
    moved = leases_.Beat({trial_id, attempt}, progress, now);
    if (moved) ++version_;
  }
  if (moved) changed_.notify_all();
  return directive;
}

}  // namespace vizsla
