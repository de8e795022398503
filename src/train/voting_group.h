// A trial group that decides together. Before every collective the ranks vote; a rank that has
// failed says so in that vote and sends nothing, so that a failure in any place never leaves the
// others waiting. The same vote carries the leader's directive, so that a prune, pause or stop
// reaches all ranks at the same step boundary. In a group of one nothing is sent.
#pragma once

#include <span>

#include "src/comm/communicator.h"
#include "src/train/trainer.h"

namespace vizsla {

// Not thread-safe: votes are cast by the training thread, or by the one it waits for (on a GPU,
// batch norm reduces in autograd's device thread).
class VotingGroup {
 public:
  explicit VotingGroup(Communicator& group) : group_(group) {}
  int rank() const { return group_.rank(); }
  int size() const { return group_.size(); }
  bool is_leader() const { return rank() == 0; }

  // A vote. Ok when every rank passes ok. Otherwise the trial is over: on every rank this and all
  // later calls return the failing rank's status (of the lowest rank, if several fail), without
  // communicating.
  absl::Status Agree(const absl::Status& mine);
  // A vote, then the sum over all ranks, in place.
  absl::Status Sum(std::span<float> values);
  absl::Status Sum(std::span<double> values);
  // A vote, then the largest value of any rank.
  absl::Status Max(std::span<int64_t> values);

  // Leader: what the next vote tells everyone. The strongest since the last vote counts.
  void Propose(Directive directive);
  // The leader's word as of the last vote: the same on all ranks between the same two votes.
  Directive agreed() const { return agreed_; }

  // How the trial failed, agreed by all; ok while it has not.
  const absl::Status& failure() const { return failure_; }
  // The transport failed: this rank can no longer work with the others.
  const absl::Status& transport() const { return transport_; }

 private:
  absl::Status CheckTransport(absl::Status status);

  Communicator& group_;
  Directive proposed_ = Directive::kContinue;
  Directive agreed_ = Directive::kContinue;
  absl::Status failure_;
  absl::Status transport_;
};

}  // namespace vizsla
