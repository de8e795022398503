// What happens by itself: leases that run out, wall time, the ends of studies, the sweep.
#include "src/base/log.h"
#include "src/scheduling/attempt_policy.h"
#include "src/scheduling/budget_policy.h"
#include "src/scheduling/fencing.h"
#include "src/scheduling/scheduler_impl.h"

namespace vizsla {
namespace {

constexpr TrialState kRunning[] = {TrialState::kRunning};
constexpr TrialState kPaused[] = {TrialState::kPaused};
constexpr TrialState kQueuedOrRunning[] = {TrialState::kQueued, TrialState::kRunning};
constexpr TrialState kNotEnded[] = {TrialState::kQueued, TrialState::kRunning, TrialState::kPaused};

// How often the time that a study has been active is stored: what a crash can lose of it.
constexpr Milliseconds kAccountInterval{std::chrono::seconds(10)};
// An upload whose report is under way is younger than this.
constexpr Milliseconds kSweepAge{std::chrono::hours(1)};
constexpr Milliseconds kSweepInterval{std::chrono::hours(1)};
// A worker that has not been heard of for so long is forgotten; it registers again if it lives.
constexpr Milliseconds kForgetWorker{std::chrono::hours(1)};

}  // namespace

absl::Status SchedulerImpl::Tick() {
  const Timestamp now = clock_.Now();
  VIZSLA_RETURN_IF_ERROR(AdoptRunning());
  std::vector<LeaseKey> expired;
  bool sweep = false;
  {
    std::lock_guard lock(mutex_);
    expired = leases_.Expired(now);
    std::erase_if(workers_,
                  [&](const auto& entry) { return now - entry.second.last_seen > kForgetWorker; });
    sweep = !swept_at_ || now - *swept_at_ >= kSweepInterval;
    if (sweep) swept_at_ = now;
  }
  for (const LeaseKey& key : expired) VIZSLA_RETURN_IF_ERROR(CrashExpired(key));
  VIZSLA_RETURN_IF_ERROR(AccountStudies());
  if (sweep) Sweep();
  (void)IdleFor();
  return absl::OkStatus();
}

// Trials that are RUNNING in the store but have no lease here: after a start, or after a commit
// whose answer was lost.
absl::Status SchedulerImpl::AdoptRunning() {
  std::vector<LeaseKey> running;
  std::vector<StudyId> active;
  VIZSLA_RETURN_IF_ERROR(store_.Read([&](TrialReader& reader) -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<Study> studies, reader.ListStudies());
    for (const Study& study : studies) {
      if (study.state == StudyState::kActive) active.push_back(study.id);
      if (study.state == StudyState::kFinished) continue;
      VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials,
                              reader.ListTrials(study.id, kRunning));
      for (const Trial& trial : trials) running.push_back({trial.id, trial.attempt});
    }
    return absl::OkStatus();
  }));
  const Timestamp now = clock_.Now();
  std::lock_guard lock(mutex_);
  for (const LeaseKey& key : running) leases_.Grant(key, now);
  for (const StudyId study : active) accounted_until_.try_emplace(study, now);
  return absl::OkStatus();
}

absl::Status SchedulerImpl::CrashExpired(const LeaseKey& key) {
  return Commit([&](TrialWriter& writer, Effects& effects) -> absl::Status {
    const Timestamp now = clock_.Now();
    Completion completion;
    completion.outcome = AttemptOutcome::kCrashed;
    {
      // A beat may have come since.
      std::lock_guard lock(mutex_);
      if (!leases_.IsExpired(key, now)) return absl::OkStatus();
      completion.reason = leases_.ExpiryReason(key, now);
    }
    auto trial = writer.GetTrial(key.trial);
    if (!trial.ok() && !absl::IsNotFound(trial.status())) return trial.status();
    if (!trial.ok() || !HoldsLease(*trial, key.attempt)) {
      effects.ended.push_back(key);  // a leftover in memory
      return absl::OkStatus();
    }
    VIZSLA_ASSIGN_OR_RETURN(Study study, writer.GetStudy(trial->study));
    log::warn("trial {} of study '{}', attempt {} on {}: {}", trial->number, study.spec.name,
              key.attempt.value(), trial->worker, completion.reason);
    return EndRunningAttempt(writer, std::move(study), *trial, completion, effects).status();
  });
}

absl::Status SchedulerImpl::AccountStudies() {
  const Timestamp now = clock_.Now();
  std::vector<Study> due;
  VIZSLA_RETURN_IF_ERROR(store_.Read([&](TrialReader& reader) -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<Study> studies, reader.ListStudies());
    for (const Study& study : studies) {
      if (study.state != StudyState::kActive) continue;
      const Milliseconds since = UnaccountedTime(study, now);
      if (since >= kAccountInterval || WallTimeOver(study.spec, study.active_time + since)) {
        due.push_back(study);
      }
    }
    return absl::OkStatus();
  }));
  for (const Study& candidate : due) {
    VIZSLA_RETURN_IF_ERROR(Commit([&](TrialWriter& writer, Effects& effects) -> absl::Status {
      auto study = writer.GetStudy(candidate.id);
      if (absl::IsNotFound(study.status())) return absl::OkStatus();
      VIZSLA_RETURN_IF_ERROR(study.status());
      if (study->state != StudyState::kActive) return absl::OkStatus();
      if (WallTimeOver(study->spec, study->active_time + UnaccountedTime(*study, now))) {
        return FinishOverWallTime(writer, *study, effects);
      }
      AccountTime(*study, now);
      VIZSLA_RETURN_IF_ERROR(writer.UpdateStudy(*study));
      return FinishIfDone(writer, *study, effects);
    }));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> SchedulerImpl::HasWork(TrialReader& reader, const Study& study) {
  VIZSLA_ASSIGN_OR_RETURN(const int64_t open, reader.CountTrials(study.id, kQueuedOrRunning));
  if (open > 0) return true;
  VIZSLA_ASSIGN_OR_RETURN(const auto next, NextConfiguration(reader, study));
  return next.has_value();
}

absl::Status SchedulerImpl::FinishIfDone(TrialWriter& writer, Study& study, Effects& effects) {
  if (study.state != StudyState::kActive) return absl::OkStatus();
  VIZSLA_ASSIGN_OR_RETURN(const bool has_work, HasWork(writer, study));
  if (has_work) return absl::OkStatus();
  const Timestamp now = clock_.Now();
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> paused, writer.ListTrials(study.id, kPaused));
  for (const Trial& trial : paused) {
    VIZSLA_ASSIGN_OR_RETURN(const auto reports, writer.ListReports(trial.id));
    const Trial pruned =
        EndWithStudy(trial, TrialState::kPruned, "the study ended while it was paused", now);
    VIZSLA_RETURN_IF_ERROR(StoreTrial(writer, study, trial, pruned, reports, effects).status());
  }
  AccountTime(study, now);
  study.state = StudyState::kFinished;
  study.finished_at = now;
  effects.changed = true;
  return writer.UpdateStudy(study);
}

absl::Status SchedulerImpl::FinishOverWallTime(TrialWriter& writer, Study& study,
                                               Effects& effects) {
  const Timestamp now = clock_.Now();
  const std::string reason = "the study's wall time is over";
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> open, writer.ListTrials(study.id, kNotEnded));
  for (const Trial& trial : open) {
    VIZSLA_ASSIGN_OR_RETURN(const auto reports, writer.ListReports(trial.id));
    const bool paused = trial.state == TrialState::kPaused;
    const Trial ended =
        EndWithStudy(trial, paused ? TrialState::kPruned : TrialState::kCancelled, reason, now);
    VIZSLA_RETURN_IF_ERROR(StoreTrial(writer, study, trial, ended, reports, effects).status());
    if (trial.state == TrialState::kRunning) {
      VIZSLA_RETURN_IF_ERROR(
          EndAttemptRow(writer, trial.id, trial.attempt, AttemptOutcome::kCancelled, reason));
      effects.ended.push_back({trial.id, trial.attempt});
    }
  }
  AccountTime(study, now);
  study.state = StudyState::kFinished;
  study.finished_at = now;
  effects.changed = true;
  return writer.UpdateStudy(study);
}

// Uploads that no report ever named: their worker died in between.
void SchedulerImpl::Sweep() {
  const auto candidates = artifacts_.ListUnusedSince(clock_.Now() - kSweepAge);
  if (!candidates.ok()) {
    log::warn("no sweep of artifacts: {}", candidates.status().ToString());
    return;
  }
  for (const std::string& hash : *candidates) RemoveUnreferenced(hash);
}

std::chrono::milliseconds SchedulerImpl::IdleFor() const {
  const Timestamp now = clock_.Now();
  bool active = false;
  const absl::Status read = store_.Read([&](TrialReader& reader) -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<Study> studies, reader.ListStudies());
    for (const Study& study : studies) active = active || study.state == StudyState::kActive;
    return absl::OkStatus();
  });
  // Who cannot read the store does not know; stay.
  if (!read.ok()) active = true;
  std::lock_guard lock(mutex_);
  for (const auto& [id, worker] : workers_) {
    active = active || now - worker.last_seen < options_.lease;
  }
  if (active) busy_at_ = now;
  return std::max(Milliseconds(0), now - busy_at_);
}

}  // namespace vizsla
