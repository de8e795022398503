// What happens by itself: leases that run out, wall time, the ends of studies, the sweep.
#include <algorithm>
#include <utility>

#include "src/base/log.h"
#include "src/base/log_scope.h"
#include "src/scheduling/attempt_policy.h"
#include "src/scheduling/budget_policy.h"
#include "src/scheduling/fencing.h"
#include "src/scheduling/run_reports.h"
#include "src/scheduling/scheduler_impl.h"

namespace vizsla {
namespace {

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
  // What fails must not keep the rest from being done.
  absl::Status first_error = FollowRunning(TimeSinceTick(now));
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
  for (const LeaseKey& key : expired) first_error.Update(CrashExpired(key));
  first_error.Update(AccountStudies());
  if (sweep) Sweep();
  EnforceByteBudget();
  return first_error;
}

Milliseconds SchedulerImpl::TimeSinceTick(Timestamp now) {
  std::lock_guard lock(mutex_);
  const Milliseconds elapsed = now - std::exchange(ticked_at_, now);
  if (elapsed >= Milliseconds(0) && elapsed <= options_.lease / 2) return elapsed;
  log::warn("{} ms since the last look at the leases: each begins anew", elapsed.count());
  leases_.RenewAll(now);
  idle_since_ = now + options_.lease;
  swept_at_ = now;  // uploads look older than they are, too
  return Milliseconds(0);
}

// There are trials that are RUNNING in the store but have no lease here after a start, and after a
// commit whose answer was lost.
absl::Status SchedulerImpl::FollowRunning(Milliseconds elapsed) {
  std::vector<std::pair<Study, std::vector<LeaseKey>>> running;
  VIZSLA_RETURN_IF_ERROR(store_.Read([&](TrialReader& reader) -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<Study> studies, reader.ListStudies());
    for (const Study& study : studies) {
      if (study.state == StudyState::kFinished) continue;
      VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials,
                              reader.ListTrials(study.id, kRunning));
      std::vector<LeaseKey> leases;
      for (const Trial& trial : trials) leases.push_back({trial.id, trial.attempt});
      if (!leases.empty()) running.emplace_back(study, std::move(leases));
    }
    return absl::OkStatus();
  }));
  const Timestamp now = clock_.Now();
  std::lock_guard lock(mutex_);
  for (const auto& [study, leases] : running) {
    bool trains = false;
    for (const LeaseKey& key : leases) {
      leases_.Grant(key, now);
      trains = trains || !leases_.IsExpired(key, now);
    }
    if (!trains) continue;
    idle_since_ = std::max(idle_since_, now);
    if (study.state != StudyState::kActive) continue;
    Milliseconds& counted = active_time_[study.id];
    counted = std::max(counted, study.active_time) + elapsed;
  }
  return absl::OkStatus();
}

absl::Status SchedulerImpl::CrashExpired(const LeaseKey& key) {
  bool crashed = false;
  const absl::Status committed = Commit([&](TrialWriter& writer, Effects& effects) -> absl::Status {
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
    VIZSLA_ASSIGN_OR_RETURN(const auto reports, writer.ListReports(trial->id));
    const LogScope scope({study.spec.name, trial->number, key.attempt.value()});
    log::warn("trial {} of study '{}', attempt {} on {}: {}", trial->number, study.spec.name,
              key.attempt.value(), trial->worker, completion.reason);
    // Nobody knows when it died, which may be long ago: what it reported it has trained.
    const Timestamp trained_until = LastReportTime(reports, key.attempt).value_or(Timestamp::min());
    crashed = true;
    return EndRunningAttempt(writer, std::move(study), *trial, completion, trained_until, effects)
        .status();
  });
  if (committed.ok() && crashed) ++counters_.leases_expired;
  return committed;
}

absl::Status SchedulerImpl::AccountStudies() {
  std::vector<Study> due;
  VIZSLA_RETURN_IF_ERROR(store_.Read([&](TrialReader& reader) -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<Study> studies, reader.ListStudies());
    for (const Study& study : studies) {
      if (study.state != StudyState::kActive) continue;
      const Milliseconds active_time = ActiveTime(study);
      if (active_time - study.active_time >= kAccountInterval ||
          WallTimeOver(study.spec, active_time)) {
        due.push_back(study);
      }
    }
    return absl::OkStatus();
  }));
  absl::Status first_error;
  for (const Study& candidate : due) {
    first_error.Update(Commit([&](TrialWriter& writer, Effects& effects) -> absl::Status {
      auto study = writer.GetStudy(candidate.id);
      if (absl::IsNotFound(study.status())) return absl::OkStatus();
      VIZSLA_RETURN_IF_ERROR(study.status());
      if (study->state != StudyState::kActive) return absl::OkStatus();
      study->active_time = ActiveTime(*study);
      if (WallTimeOver(study->spec, study->active_time)) {
        recorder_.Note(study->id,
                       FinishEvent{FinishEvent::Why::kWallTime, study->active_time.count()});
        return FinishEarly(writer, *study, "the wall time of its budget is over", /*winner=*/0,
                           effects);
      }
      return writer.UpdateStudy(*study);
    }));
  }
  return first_error;
}

absl::StatusOr<bool> SchedulerImpl::HasWork(TrialReader& reader, const Study& study) {
  VIZSLA_ASSIGN_OR_RETURN(const bool open, reader.AnyTrial(study.id, kQueuedOrRunning));
  if (open) return true;
  if (study.spec.stages.empty()) {
    // Cheaper than a suggestion of an infinite space.
    VIZSLA_ASSIGN_OR_RETURN(const bool more, MayAdd(reader, study, /*stage=*/1));
    if (more) return true;
  }
  VIZSLA_ASSIGN_OR_RETURN(const Next next, FindNext(reader, study));
  return !next.empty();
}

absl::Status SchedulerImpl::FinishIfDone(TrialWriter& writer, Study& study, Effects& effects) {
  VIZSLA_RETURN_IF_ERROR(StopIfDue(writer, study, effects));
  if (study.state != StudyState::kActive) return absl::OkStatus();
  VIZSLA_RETURN_IF_ERROR(Proceed(writer, study, effects));
  VIZSLA_ASSIGN_OR_RETURN(const bool has_work, HasWork(writer, study));
  if (has_work) return absl::OkStatus();
  recorder_.Note(study.id, FinishEvent{FinishEvent::Why::kNoWork, 0});
  return Finish(writer, study, effects);
}

absl::Status SchedulerImpl::Finish(TrialWriter& writer, Study& study, Effects& effects) {
  const Timestamp now = clock_.Now();
  VIZSLA_RETURN_IF_ERROR(PrunePaused(writer, study, now, effects));
  study.active_time = ActiveTime(study);
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
  std::lock_guard lock(mutex_);
  return std::max(Milliseconds(0), now - idle_since_);
}

}  // namespace vizsla
