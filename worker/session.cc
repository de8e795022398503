#include "worker/session.h"

#include <thread>
#include <utility>

#include "src/base/log.h"
#include "src/train/feature_cache.h"
#include "worker/drain.h"
#include "worker/fetch_weights.h"

namespace vizsla {
namespace {

using std::chrono::milliseconds;

void SleepUnlessDraining(milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (!DrainRequested() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(milliseconds(50));
  }
}

}  // namespace

Session::Session(Communicator& group, CoordinatorLink* link, NodeData& data, SessionOptions options)
    : group_(group),
      link_(link),
      data_(data),
      options_(std::move(options)),
      idleness_(options_.wait) {}

absl::Status Session::Register(CoordinatorLink& link, const std::string& name) {
  VIZSLA_ASSIGN_OR_RETURN(
      const std::vector<std::string> hashes,
      AvailableWeights(link, data_.index().fingerprint, options_.study, data_.weights()));
  WorkerInfo worker;
  worker.name = name;
  worker.ranks = group_.size();
  worker.dataset_fingerprints = {data_.index().fingerprint};
  worker.weights_hashes = hashes;
  worker.study = options_.study;
  return link.Register(worker);
}

absl::Status Session::Run() {
  if (is_leader()) {
    // An error travels to the group with the first task.
    if (const absl::Status status = Register(*link_, options_.worker_name); !status.ok()) {
      GroupTask task{.kind = GroupTask::Kind::kFail, .reason = std::string(status.message())};
      VIZSLA_RETURN_IF_ERROR(ShareTask(group_, task));
      return status;
    }
  }
  if (options_.trials_at_once > 1) {
    bundle_.emplace(
        *link_, data_, options_,
        [this](CoordinatorLink& link, const std::string& name) { return Register(link, name); });
    return bundle_->Run();
  }
  for (;;) {
    GroupTask task;
    absl::Status failed;
    if (is_leader()) {
      absl::StatusOr<GroupTask> next = NextTask();
      failed = next.status();
      if (next.ok()) {
        task = *std::move(next);
      } else {
        task = {.kind = GroupTask::Kind::kFail, .reason = std::string(failed.message())};
      }
    }
    VIZSLA_RETURN_IF_ERROR(ShareTask(group_, task));
    switch (task.kind) {
      case GroupTask::Kind::kIdle:
        CloseIdleFeatureCaches(kIdleFeaturesKept);
        break;
      case GroupTask::Kind::kTrain:
        VIZSLA_RETURN_IF_ERROR(Train(task));
        break;
      case GroupTask::Kind::kLeave:
        return absl::OkStatus();
      case GroupTask::Kind::kFail:
        return is_leader() ? failed : absl::UnavailableError(task.reason);
    }
  }
}

absl::StatusOr<GroupTask> Session::NextTask() {
  if (DrainRequested()) return GroupTask{.kind = GroupTask::Kind::kLeave};
  VIZSLA_ASSIGN_OR_RETURN(Acquired acquired, link_->Acquire());
  if (acquired.leases.empty()) {
    const Idleness::Next next = idleness_.Decide(acquired);
    if (next == Idleness::Next::kLeave) return GroupTask{.kind = GroupTask::Kind::kLeave};
    SleepUnlessDraining(Idleness::Pause(acquired));
    if (next == Idleness::Next::kRegisterAndAsk) {
      VIZSLA_RETURN_IF_ERROR(Register(*link_, options_.worker_name));
    }
    return GroupTask{};
  }
  idleness_.GotLease();
  run_.emplace(group_, link_, data_, options_.worker_name);
  return run_->Begin(std::move(acquired.leases.front()));
}

absl::Status Session::Train(const GroupTask& task) {
  if (!is_leader()) run_.emplace(group_, nullptr, data_, options_.worker_name);
  VIZSLA_ASSIGN_OR_RETURN(const bool trains, run_->Prepare(task));
  if (trains) VIZSLA_RETURN_IF_ERROR(run_->Run(options_.trainer));
  return absl::OkStatus();
}

void Session::LastWords(const std::string& reason) {
  if (bundle_) bundle_->LastWords(reason);
  if (run_) run_->LastWords(reason);
}

bool Session::coordinator_failed() const {
  return (bundle_ && bundle_->coordinator_failed()) || (run_ && run_->coordinator_failed());
}

}  // namespace vizsla
