// One trial group at work: acquire, train, complete, until nothing is left.
#pragma once

#include <optional>
#include <string>

#include "src/base/status.h"
#include "src/comm/communicator.h"
#include "src/train/trainer.h"
#include "worker/coordinator_link.h"
#include "worker/group_task.h"
#include "worker/idleness.h"
#include "worker/lease_bundle.h"
#include "worker/lease_run.h"
#include "worker/node_data.h"
#include "worker/session_options.h"

namespace vizsla {

class Session {
 public:
  // `options.trials_at_once` above 1: only in a group of one.
  // `link` is null on all ranks but the leader (rank 0 of the group). All outlive the session.
  Session(Communicator& group, CoordinatorLink* link, NodeData& data, SessionOptions options);

  // Collective over the group; blocks until nothing is left or the process drains (Ok). Any other
  // status: the group can no longer work, and the process is to end with _exit after LastWords.
  absl::Status Run();

  // The leader, when the process is about to end: gives the running attempt up, so that nobody
  // waits for its lease; as crashed, unless it was the coordinator that failed. Never blocks for
  // long; may be called when Run threw.
  void LastWords(const std::string& reason);
  // Run ended because the coordinator refused or could not do what a trial needed (a full disk).
  bool coordinator_failed() const;

 private:
  // `link`, as the worker of this name.
  absl::Status Register(CoordinatorLink& link, const std::string& name);
  absl::StatusOr<GroupTask> NextTask();
  absl::Status Train(const GroupTask& task);
  bool is_leader() const { return link_ != nullptr; }

  Communicator& group_;
  CoordinatorLink* const link_;
  NodeData& data_;
  const SessionOptions options_;

  std::optional<LeaseRun> run_;        // of the newest lease
  std::optional<LeaseBundle> bundle_;  // instead of run_, when several leases are worked on
  Idleness idleness_;
};

}  // namespace vizsla
