#include "worker/lease_bundle.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "src/base/log.h"
#include "src/train/feature_cache.h"
#include "worker/drain.h"
#include "worker/runtime.h"

namespace vizsla {
namespace {

using std::chrono::milliseconds;

// A full bundle asks for nothing.
constexpr milliseconds kLookAgain{2000};
// Signals set a flag and wake nobody.
constexpr milliseconds kLookForDrain{100};
constexpr std::chrono::seconds kLastWords{5};

}  // namespace

LeaseBundle::LeaseBundle(CoordinatorLink& link, NodeData& data, const SessionOptions& options,
                         Register register_worker)
    : link_(link),
      data_(data),
      options_(options),
      register_worker_(std::move(register_worker)),
      bundle_(options.threads),
      forks_(static_cast<size_t>(options.trials_at_once)),
      idleness_(options.wait) {}

size_t LeaseBundle::FreeNumber() const {
  size_t number = 0;
  while (std::any_of(places_.begin(), places_.end(),
                     [&](const Place& place) { return place.number == number; })) {
    ++number;
  }
  return number;
}

std::string LeaseBundle::WorkerName(size_t number) const {
  return number == 0 ? options_.worker_name : StrCat(options_.worker_name, ".", number);
}

absl::StatusOr<CoordinatorLink*> LeaseBundle::LinkOf(size_t number) {
  if (number == 0) return &link_;
  std::unique_ptr<CoordinatorLink>& fork = forks_[number];
  if (fork == nullptr) {
    std::unique_ptr<CoordinatorLink> link = link_.Fork();
    VIZSLA_RETURN_IF_ERROR(register_worker_(*link, WorkerName(number)));
    fork = std::move(link);
  }
  return fork.get();
}

absl::Status LeaseBundle::RegisterAgain() {
  for (auto& fork : forks_) fork.reset();  // no place is taken
  return register_worker_(link_, options_.worker_name);
}

absl::Status LeaseBundle::Run() {
  // Several threads multiply matrices at once; a pool of its own would make OpenBLAS take turns.
  SetBlasThreads(1);
  for (;;) {
    VIZSLA_RETURN_IF_ERROR(Clear());
    if (DrainRequested()) return WaitUntilLeft(0);
    if (places_.size() >= static_cast<size_t>(options_.trials_at_once)) {
      WaitForAnEnd(kLookAgain);
      continue;
    }
    VIZSLA_ASSIGN_OR_RETURN(const Next next, Fill());
    if (next == Next::kLeave) return absl::OkStatus();
    if (next == Next::kWait) {
      WaitForAnEnd(pause_);
    }
  }
}

absl::StatusOr<LeaseBundle::Next> LeaseBundle::Fill() {
  const size_t number = FreeNumber();
  VIZSLA_ASSIGN_OR_RETURN(CoordinatorLink * link, LinkOf(number));
  VIZSLA_ASSIGN_OR_RETURN(Acquired acquired, link->Acquire());
  if (!acquired.leases.empty()) {
    idleness_.GotLease();
    VIZSLA_RETURN_IF_ERROR(Begin(number, std::move(acquired.leases.front())));
    return Next::kAskAgain;
  }
  pause_ = Idleness::Pause(acquired);
  if (!places_.empty()) return Next::kWait;
  const Idleness::Next next = idleness_.Decide(acquired);
  if (next == Idleness::Next::kLeave) return Next::kLeave;
  CloseIdleFeatureCaches(kIdleFeaturesKept);
  if (next == Idleness::Next::kRegisterAndAsk) VIZSLA_RETURN_IF_ERROR(RegisterAgain());
  return Next::kWait;
}

absl::Status LeaseBundle::Begin(size_t number, LeaseGrant lease) {
  VIZSLA_ASSIGN_OR_RETURN(CoordinatorLink * link, LinkOf(number));
  Place& place = places_.emplace_back();
  place.number = number;
  place.group = MakeLocalCommunicator();
  place.run = std::make_unique<LeaseRun>(*place.group, link, data_, WorkerName(number));
  VIZSLA_ASSIGN_OR_RETURN(const GroupTask task, place.run->Begin(std::move(lease)));
  bool trains = task.kind == GroupTask::Kind::kTrain;
  if (trains) {
    VIZSLA_ASSIGN_OR_RETURN(trains, place.run->Prepare(task));
  }
  if (!trains) {
    places_.pop_back();
    return absl::OkStatus();
  }
  if (TrialBundle::Admits(place.run->plan(), place.run->objective(), place.run->data(),
                          options_.trainer)) {
    TrainBesideOthers(place);
    return absl::OkStatus();
  }
  VIZSLA_RETURN_IF_ERROR(WaitUntilLeft(1));
  return TrainAlone(place);
}

absl::Status LeaseBundle::TrainAlone(Place& place) {
  SetBlasThreads(options_.threads);
  const absl::Status status = place.run->Run(options_.trainer);
  SetBlasThreads(1);
  if (!status.ok()) {
    coordinator_failed_ = place.run->coordinator_failed();
    return status;
  }
  places_.pop_back();
  return absl::OkStatus();
}

void LeaseBundle::TrainBesideOthers(Place& place) {
  place.thread = std::thread([this, &place] {
    try {
      Ends(place, place.run->Run(bundle_.OptionsBesideOthers(options_.trainer)));
    } catch (const std::exception& error) {
      Ends(place, absl::InternalError(error.what()));
    }
  });
}

void LeaseBundle::Ends(Place& place, absl::Status status) {
  {
    const std::lock_guard lock(mutex_);
    place.ended = true;
    place.status = std::move(status);
  }
  end_.notify_one();
}

absl::Status LeaseBundle::Clear() {
  for (auto place = places_.begin(); place != places_.end();) {
    absl::Status status;
    {
      const std::lock_guard lock(mutex_);
      if (!place->ended) {
        ++place;
        continue;
      }
      status = place->status;
    }
    place->thread.join();
    if (!status.ok()) {
      coordinator_failed_ = place->run->coordinator_failed();
      return status;
    }
    place = places_.erase(place);
  }
  return absl::OkStatus();
}

void LeaseBundle::WaitForAnEnd(milliseconds longest) {
  const auto end = std::chrono::steady_clock::now() + longest;
  const auto has_ended = [this] {
    return std::any_of(places_.begin(), places_.end(),
                       [](const Place& place) { return place.ended; });
  };
  std::unique_lock lock(mutex_);
  while (!has_ended() && !DrainRequested() && std::chrono::steady_clock::now() < end) {
    end_.wait_for(lock, kLookForDrain);
  }
}

absl::Status LeaseBundle::WaitUntilLeft(size_t places) {
  for (;;) {
    VIZSLA_RETURN_IF_ERROR(Clear());
    if (places_.size() <= places) return absl::OkStatus();
    std::unique_lock lock(mutex_);
    end_.wait_for(lock, kLookForDrain);
  }
}

void LeaseBundle::LastWords(const std::string& reason) {
  // A coordinator that answers slowly loses the rest: those leases run out.
  const auto end = std::chrono::steady_clock::now() + kLastWords;
  for (Place& place : places_) {
    if (std::chrono::steady_clock::now() > end) return;
    place.run->LastWords(reason);
  }
}

}  // namespace vizsla
