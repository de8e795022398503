// One trial group at work: acquire, train, complete, until nothing is left.
#pragma once

#include <memory>
#include <string>

#include "src/base/status.h"
#include "src/comm/communicator.h"
#include "src/train/trainer.h"
#include "worker/coordinator_link.h"
#include "worker/group_task.h"
#include "worker/node_data.h"

namespace vizsla {

struct SessionOptions {
  bool wait = false;  // stay when nothing is left
  TrainerOptions trainer;
  std::string worker_name;  // "host:pid/group"
  std::string study;        // only this one; empty: any that fits
};

class Session {
 public:
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
  bool coordinator_failed() const { return coordinator_failed_; }

  int64_t trials_trained() const { return trials_trained_; }

 private:
  absl::Status Register();
  absl::StatusOr<GroupTask> NextTask();
  absl::Status Fetch(const LeaseGrant& lease, GroupTask& task);
  absl::Status Train(const GroupTask& task);
  // The trial whose checkpoint the lease resumes from, when it is another one. InvalidArgument when
  // the two differ in what cannot change in training.
  absl::StatusOr<std::optional<ParentTrial>> ResolveParent(const LeaseGrant& lease);
  absl::StatusOr<TrialResult> RunLease(const LeaseGrant& lease, const GroupTask& task);
  absl::StatusOr<TrialData> OpenData(const LeaseGrant& lease, const GroupTask& task);
  // Collective. `mine`: what went wrong on this rank alone.
  absl::Status ShareWeights(const std::string& hash, absl::Status* mine);
  absl::Status Finish(const LeaseGrant& lease, const TrialResult& result);
  void LogStart(const LeaseGrant& lease, const TrialData& data, bool resumes);
  bool is_leader() const { return link_ != nullptr; }

  Communicator& group_;
  CoordinatorLink* const link_;
  NodeData& data_;
  const SessionOptions options_;

  // The leader's lease.
  std::unique_ptr<LeaseGrant> lease_;
  std::unique_ptr<LeaseKeeper> keeper_;
  std::string idle_explanation_;  // shown once
  bool coordinator_failed_ = false;
  int64_t trials_trained_ = 0;
};

}  // namespace vizsla
