// One lease from its grant to its end: the inputs fetched, the data opened, the trial trained, its
// end told.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "src/base/status.h"
#include "src/comm/communicator.h"
#include "src/train/trainer.h"
#include "worker/coordinator_link.h"
#include "worker/group_task.h"
#include "worker/node_data.h"

namespace vizsla {

// On each rank of a trial group; what is collective is called by all of them. Begin and Prepare use
// `data`, which is not thread-safe; Run does not: the Runs of several leases may go on at once,
// each on a thread of its own, while the next lease is prepared.
class LeaseRun {
 public:
  // `link` is null on all ranks but the leader. All outlive this object. `worker`: its name.
  LeaseRun(Communicator& group, CoordinatorLink* link, NodeData& data, std::string worker);

  // Leader: beats for the lease and fetches what it needs. An idle task: nothing could be fetched,
  // and the attempt has been ended. Errors: the coordinator's.
  absl::StatusOr<GroupTask> Begin(LeaseGrant lease);
  // Collective. Opens the trial's data; blocks while photos are decoded. False: the trial has ended
  // already. Errors: this node cannot; the lease has been given back.
  absl::StatusOr<bool> Prepare(const GroupTask& task);
  // After Prepare: what the trial trains, and on what.
  const TrainingPlan& plan() const { return data_of_trial_.plan; }
  const TrainingData& data() const { return data_of_trial_.training; }
  const Objective& objective() const { return assignment_.objective; }
  // Collective. Trains, and tells the end. Errors: the group can no longer work.
  absl::Status Run(const TrainerOptions& options);

  // The leader, when the process is about to end: gives the attempt up if it still runs, as crashed
  // unless it was the coordinator that failed. Never blocks for long. Any thread.
  void LastWords(const std::string& reason);
  // Run ended because the coordinator refused or could not do what the trial needed.
  bool coordinator_failed() const { return coordinator_failed_; }

 private:
  absl::Status Fetch(const LeaseGrant& lease, GroupTask& task);
  // Collective. `mine`: what went wrong on this rank alone.
  absl::Status ShareWeights(const std::string& hash, absl::Status* mine);
  absl::StatusOr<TrialData> OpenData(const GroupTask& task);
  // The trial whose checkpoint the lease resumes from, when it is another one. InvalidArgument when
  // the two differ in what cannot change in training.
  absl::StatusOr<std::optional<ParentTrial>> ResolveParent();
  void Assign(const GroupTask& task, std::optional<ParentTrial> parent);
  void LogStart(const std::string& device, bool resumes);
  absl::Status Finish(const TrialResult& result);
  bool is_leader() const { return link_ != nullptr; }

  Communicator& group_;
  CoordinatorLink* const link_;
  NodeData& data_;
  const std::string worker_;

  std::optional<LeaseGrant> lease_;
  std::unique_ptr<LeaseKeeper> keeper_;  // leader
  TrialData data_of_trial_;
  TrialAssignment assignment_;
  bool impossible_ = false;           // the trial, for any worker: its plan
  std::atomic<bool> running_{false};  // leader: the coordinator has not been told of an end
  std::atomic<bool> coordinator_failed_{false};
};

}  // namespace vizsla
