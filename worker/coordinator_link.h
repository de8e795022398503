// A trial group's leader and its coordinator: two clients over one protocol. One waits for a
// coordinator that restarts (reports, checkpoints); the other gives up soon (heartbeats, last
// words).
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "src/rpc/client.h"
#include "src/scheduling/scheduler.h"
#include "worker/lease_keeper.h"

namespace vizsla {

class CoordinatorLink {
 public:
  // `credentials`: as in ClientOptions. Errors as CoordinatorClient::Connect.
  static absl::StatusOr<std::unique_ptr<CoordinatorLink>> Connect(
      const std::string& address, const std::string& credentials,
      std::chrono::milliseconds patience);

  // Another worker on the same connections: one worker holds one lease (see Scheduler::Acquire). To
  // be registered under a name of its own.
  std::unique_ptr<CoordinatorLink> Fork() const;

  CoordinatorClient& patient() { return *patient_; }
  CoordinatorClient& brisk() { return *brisk_; }
  const std::string& address() const { return patient_->address(); }

  absl::Status Register(const WorkerInfo& worker);
  // Registers again when a restarted coordinator does not know us.
  absl::StatusOr<Acquired> Acquire();
  // Beats for the lease from now on.
  std::unique_ptr<LeaseKeeper> Keep(const LeaseGrant& lease);
  // Ends the attempt. A lease that is another's by now is no error.
  absl::Status Complete(const LeaseGrant& lease, const Completion& completion);
  // The same in a process that is about to end: one short try, no error.
  void CompleteBriefly(const LeaseGrant& lease, const Completion& completion);

 private:
  CoordinatorLink() = default;
  absl::StatusOr<int64_t> RegisterWith(CoordinatorClient& client);
  std::shared_ptr<CoordinatorClient> patient_;
  std::shared_ptr<CoordinatorClient> brisk_;
  WorkerInfo worker_;
  std::atomic<int64_t> worker_id_{0};
  std::atomic<int64_t> heartbeat_ms_{5000};
};

}  // namespace vizsla
