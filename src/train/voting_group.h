// A trial group that decides together. Before every collective the ranks vote; a rank that has
// failed says so in that vote and sends nothing, so that a failure in any place never leaves the
// others waiting. The same vote carries the leader's directive, so that a prune, pause or stop
// reaches all ranks at the same step boundary. In a group of one nothing is sent.
//
// Started sums travel while a rank computes, and no vote precedes them: when a rank fails, others
// may have sent it what it will never ask for. The vote that tells of the failure settles that:
// when any rank has started a sum of a pass, every rank starts all those that it still lacks, with
// whatever values, and all wait for them. Nobody is left waiting, and the transport is as if the
// step had not begun. A rank that dies or hangs is the business of the communicator's deadline.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <utility>

#include "src/comm/communicator.h"
#include "src/train/directive.h"

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
  absl::Status Agree(const absl::Status& mine) { return CastVote(mine, false); }
  // A vote of which `mine`, when it is not ok, is a failure that this rank can undo: it may try
  // again what it has done since the last vote that was ok.
  absl::Status AgreeToRetry(const absl::Status& mine) { return CastVote(mine, true); }
  // After a failure, the same on all ranks: whether each rank that failed has said so with
  // AgreeToRetry. The others were on their way to a vote of the same stretch of work, and may try
  // it again as well.
  bool may_retry() const { return !failure_.ok() && may_retry_; }
  // On all ranks, when may_retry(): the trial is not over.
  void Retry() { failure_ = absl::OkStatus(); }
  // A vote, then the sum over all ranks, in place.
  absl::Status Sum(std::span<float> values);
  absl::Status Sum(std::span<double> values);
  // A pass is so many sums that are always started together, in one order, the same on all ranks.
  // `start_from` starts the sums of a pass from number `first` (0 is the first) to the last, with
  // whatever is in their memory, which it owns; so that a rank that has run out of memory can.
  // Replaces the former one, whose passes are finished. Between this and its first sum all ranks
  // cast a vote.
  using StartFrom = std::function<void(size_t first)>;
  void SetPass(StartFrom start_from) {
    start_from_ = std::move(start_from);
    voted_since_ = false;
  }
  // The next sum of a pass, over all ranks, in place; without a vote and without waiting.
  template <typename Values>  // std::span of float or Bfloat16, or DeviceValues
  void StartSum(Values values) {
    if (size() == 1 || !transport_.ok()) return;
    const absl::Status status = Start(values);  // may throw: then it has not started
    ++started_;
    (void)CheckTransport(status);
  }
  // Whether DeviceValues may be summed.
  bool device_sums() const { return group_.device_sums(); }
  // Moves started sums on, and never waits.
  void PollSums() {
    if (started_ > 0) group_.PollSums();
  }
  // After a vote that was ok and that every rank cast with all sums of a pass started: waits for
  // them (of device values, their stream does). Nothing else may come between, or ranks that have
  // failed leave others waiting here.
  absl::Status FinishSums();
  // A vote, then the largest value of any rank.
  absl::Status Max(std::span<int64_t> values);

  // Leader: what the next vote tells everyone. Nothing is taken back: the strongest so far counts.
  void Propose(Directive directive);
  // The leader's word as of the last vote: the same on all ranks between the same two votes.
  Directive agreed() const { return agreed_; }

  // How the trial failed, agreed by all; ok while it has not.
  const absl::Status& failure() const { return failure_; }
  // The transport failed: this rank can no longer work with the others.
  const absl::Status& transport() const { return transport_; }

 private:
  // On a rank that has failed, before it says so: another rank may wait for the sums of a pass that
  // this one will not come to, of device values in a call of its GPU's that no vote can reach.
  void StartRestOfPass();
  absl::Status CheckTransport(absl::Status status);
  absl::Status CastVote(const absl::Status& mine, bool may_retry);
  // On all ranks, after a vote that failed: what was started here or elsewhere comes to its end,
  // and whether all that failed may retry is known.
  absl::Status Settle(bool may_retry);
  template <typename T>
  absl::Status Start(std::span<T> values) {
    return group_.StartAllReduceSum(values);
  }
  absl::Status Start(const DeviceValues& values) { return group_.StartDeviceSum(values); }

  Communicator& group_;
  Directive proposed_ = Directive::kContinue;
  Directive agreed_ = Directive::kContinue;
  absl::Status failure_;
  bool may_retry_ = false;
  absl::Status transport_;
  StartFrom start_from_;
  bool voted_since_ = false;  // all ranks, since SetPass
  size_t started_ = 0;        // sums since the last FinishSums
};

}  // namespace vizsla
