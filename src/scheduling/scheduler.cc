#include "src/scheduling/scheduler.h"

#include <atomic>

#include "src/base/log.h"
#include "src/scheduling/board.h"
#include "src/scheduling/scheduler_impl.h"

namespace vizsla {
namespace {

// Ids of workers begin elsewhere in every process and every scheduler, so that a worker of before
// the restart is not taken for one of after.
int64_t FirstWorkerId(Timestamp now) {
  static std::atomic<int64_t> schedulers{0};
  return (ToUnixMillis(now) << 20) + (schedulers.fetch_add(1) << 12 & 0xFFFFF) + 1;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Scheduler>> Scheduler::Create(TrialStore& store,
                                                             ArtifactIndex& artifacts, Clock& clock,
                                                             SchedulerOptions options) {
  auto scheduler = std::make_unique<SchedulerImpl>(store, artifacts, clock, options);
  VIZSLA_RETURN_IF_ERROR(scheduler->Load());
  return std::unique_ptr<Scheduler>(std::move(scheduler));
}

SchedulerImpl::SchedulerImpl(TrialStore& store, ArtifactIndex& artifacts, Clock& clock,
                             SchedulerOptions options)
    : store_(store),
      artifacts_(artifacts),
      clock_(clock),
      options_(options),
      next_worker_(FirstWorkerId(clock.Now())),
      leases_(options.lease, options.stall),
      ticked_at_(clock.Now()),
      idle_since_(clock.Now()) {}

absl::Status SchedulerImpl::Load() { return FollowRunning(Milliseconds(0)); }

absl::Status SchedulerImpl::Commit(const Change& change, std::vector<std::string> held) {
  Effects effects;
  {
    ArtifactGuard::Hold hold(guard_, std::move(held));
    VIZSLA_RETURN_IF_ERROR(store_.Write([&](TrialWriter& writer) -> absl::Status {
      ForgetUnstored();
      VIZSLA_RETURN_IF_ERROR(change(writer, effects));
      told_ = false;
      return absl::OkStatus();
    }));
  }
  const Timestamp now = clock_.Now();
  {
    std::lock_guard lock(mutex_);
    for (const LeaseKey& key : effects.granted) leases_.Grant(key, now);
    for (const LeaseKey& key : effects.renewed) leases_.Renew(key, now);
    for (const LeaseKey& key : effects.ended) leases_.Erase(key);
    if (effects.changed) ++version_;
  }
  counters_.leases_granted += effects.granted.size();
  if (effects.changed) changed_.notify_all();
  RemoveReleased(effects.released);
  return absl::OkStatus();
}

void SchedulerImpl::RemoveReleased(const std::vector<std::string>& hashes) {
  for (const std::string& hash : std::set<std::string>(hashes.begin(), hashes.end())) {
    RemoveUnreferenced(hash);
  }
}

// What cannot be removed now stays until the next sweep: no reason to fail a report for it.
void SchedulerImpl::RemoveUnreferenced(const std::string& hash) {
  const auto is_referenced = [&]() -> absl::StatusOr<bool> {
    bool referenced = true;
    VIZSLA_RETURN_IF_ERROR(store_.Read([&](TrialReader& reader) -> absl::Status {
      VIZSLA_ASSIGN_OR_RETURN(referenced, reader.IsArtifactReferenced(hash));
      return absl::OkStatus();
    }));
    // A download that is under way is left alone; a later sweep takes what nobody names.
    return referenced || artifacts_.IsBeingRead(hash);
  };
  const auto removed = guard_.Remove(artifacts_, hash, is_referenced);
  if (!removed.ok()) log::warn("artifact {} stays: {}", hash, removed.status().ToString());
}

Milliseconds SchedulerImpl::ActiveTime(const Study& study) const {
  std::lock_guard lock(mutex_);
  const auto counted = active_time_.find(study.id);
  return counted == active_time_.end() ? study.active_time
                                       : std::max(study.active_time, counted->second);
}

absl::StatusOr<Board> SchedulerImpl::GetBoard(std::string_view study, int top) {
  BoardInput input;
  input.top = top;
  input.now = clock_.Now();
  {
    std::lock_guard lock(mutex_);
    input.progress = leases_.AllProgress();
  }
  Board board;
  VIZSLA_RETURN_IF_ERROR(store_.Read([&](TrialReader& reader) -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(input.study, reader.FindStudy(study));
    input.study.active_time = ActiveTime(input.study);
    VIZSLA_ASSIGN_OR_RETURN(board, BuildBoard(reader, input));
    return absl::OkStatus();
  }));
  return board;
}

uint64_t SchedulerImpl::version() const {
  std::lock_guard lock(mutex_);
  return version_;
}

uint64_t SchedulerImpl::WaitForChange(uint64_t seen, std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout, [&] { return version_ != seen; });
  return version_;
}

}  // namespace vizsla
