// One process at work on several leases at once: heads on cached features train beside each other
// (src/train/trial_bundle.h), every other trial alone and with all threads. Each lease has its own
// heartbeat, reports, checkpoints and end, as if it were the only one.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "src/base/status.h"
#include "src/comm/communicator.h"
#include "src/scheduling/scheduler.h"
#include "src/train/trial_bundle.h"
#include "worker/coordinator_link.h"
#include "worker/idleness.h"
#include "worker/lease_run.h"
#include "worker/node_data.h"
#include "worker/session_options.h"

namespace vizsla {

// A lease is asked for whenever a place is free and something is ready; while the bundle is not
// full the others train. Leases are prepared one after another on the thread of Run. A trial that
// must train alone waits, holding its lease, until the others have ended, and no further lease is
// taken meanwhile.
class LeaseBundle {
 public:
  // Tells the coordinator what this worker has, under a name.
  using Register = std::function<absl::Status(CoordinatorLink& link, const std::string& name)>;

  // `link` is registered as options.worker_name. All outlive this object.
  LeaseBundle(CoordinatorLink& link, NodeData& data, const SessionOptions& options,
              Register register_worker);

  // Blocks until nothing is left or the process drains, and every lease has ended (Ok). Any other
  // status: some trials may be training yet, and the process is to end with _exit after LastWords.
  absl::Status Run();

  // As Session's, for every lease that has not ended. Blocks for a few seconds at most.
  void LastWords(const std::string& reason);
  bool coordinator_failed() const { return coordinator_failed_; }

 private:
  // To the coordinator each place is a worker of its own, for a worker that asks holds no lease.
  struct Place {
    size_t number = 0;
    std::unique_ptr<Communicator> group;
    std::unique_ptr<LeaseRun> run;
    std::thread thread;
    // Guarded by mutex_.
    bool ended = false;
    absl::Status status;
  };

  // Asks for a lease and begins it; what to do next.
  enum class Next { kAskAgain, kWait, kLeave };
  absl::StatusOr<Next> Fill();
  absl::Status Begin(size_t number, LeaseGrant lease);
  size_t FreeNumber() const;
  std::string WorkerName(size_t number) const;
  // The worker of the place of this number, registered.
  absl::StatusOr<CoordinatorLink*> LinkOf(size_t number);
  // After new weights may have come.
  absl::Status RegisterAgain();
  // Of the newest place, when no other is left.
  absl::Status TrainAlone(Place& place);
  void TrainBesideOthers(Place& place);
  void Ends(Place& place, absl::Status status);
  // Takes the places of ended trials away; the first error among their ends.
  absl::Status Clear();
  // Until a trial ends, or the time is over, or the process drains.
  void WaitForAnEnd(std::chrono::milliseconds longest);
  // Until no more than so many places are taken.
  absl::Status WaitUntilLeft(size_t places);

  CoordinatorLink& link_;
  NodeData& data_;
  const SessionOptions& options_;
  const Register register_worker_;
  TrialBundle bundle_;
  // By the place's number; null: not registered yet. The first has link_.
  std::vector<std::unique_ptr<CoordinatorLink>> forks_;
  std::list<Place> places_;  // of the thread of Run; a trial's thread has its own Place alone
  std::atomic<bool> coordinator_failed_{false};
  Idleness idleness_;
  std::chrono::milliseconds pause_{0};  // before asking again
  std::mutex mutex_;
  std::condition_variable end_;
};

}  // namespace vizsla
