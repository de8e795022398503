#include "src/train/voting_group.h"

#include <algorithm>
#include <array>
#include <utility>

#include "src/base/check.h"

namespace vizsla {
namespace {

// A vote is one number whose maximum says everything: the failing rank of the lowest number above
// the low byte, the leader's directive in it.
constexpr int64_t kDirectives = 256;

// From weak to strong: leaving at once makes any checkpoint pointless, a verdict on the trial
// outranks the wishes of the process.
int Strength(Directive directive) {
  switch (directive) {
    case Directive::kContinue:
      return 0;
    case Directive::kPreempt:
      return 1;
    case Directive::kPause:
      return 2;
    case Directive::kPrune:
      return 3;
    case Directive::kCancel:
      return 4;
  }
  return 0;
}

}  // namespace

void VotingGroup::Propose(Directive directive) {
  if (Strength(directive) > Strength(proposed_)) proposed_ = directive;
}

absl::Status VotingGroup::CheckTransport(absl::Status status) {
  if (!status.ok()) transport_ = status;
  return status;
}

absl::Status VotingGroup::CastVote(const absl::Status& mine, bool may_retry) {
  if (!transport_.ok()) return transport_;
  if (!failure_.ok()) return failure_;
  if (size() == 1) {
    agreed_ = proposed_;
    failure_ = mine;
    may_retry_ = may_retry;
    return failure_;
  }
  if (!mine.ok()) StartRestOfPass();
  std::array<int64_t, 1> vote = {static_cast<int64_t>(proposed_)};
  if (!mine.ok()) vote[0] += kDirectives * (size() - rank());
  VIZSLA_RETURN_IF_ERROR(CheckTransport(group_.AllReduceMax(vote)));
  if (vote[0] < kDirectives) {
    agreed_ = static_cast<Directive>(vote[0]);
    voted_since_ = true;
    return absl::OkStatus();
  }
  const int speaker = size() - static_cast<int>(vote[0] / kDirectives);
  absl::Status failure = mine;
  VIZSLA_RETURN_IF_ERROR(CheckTransport(BroadcastStatus(group_, failure, speaker)));
  failure_ = std::move(failure);
  VIZSLA_RETURN_IF_ERROR(Settle(mine.ok() || may_retry));
  return failure_;
}

absl::Status VotingGroup::Settle(bool may_retry) {
  std::array<int64_t, 2> most = {static_cast<int64_t>(started_), may_retry ? 0 : 1};
  VIZSLA_RETURN_IF_ERROR(CheckTransport(group_.AllReduceMax(most)));
  may_retry_ = most[1] == 0;
  if (most[0] == 0) return absl::OkStatus();
  VIZSLA_CHECK(start_from_ != nullptr);
  start_from_(started_);
  return FinishSums();
}

void VotingGroup::StartRestOfPass() {
  if (!device_sums() || !start_from_ || !voted_since_) return;
  start_from_(started_);
}

absl::Status VotingGroup::FinishSums() {
  if (!transport_.ok()) return transport_;
  if (started_ == 0) return absl::OkStatus();
  started_ = 0;
  return CheckTransport(group_.FinishSums());
}

absl::Status VotingGroup::Sum(std::span<float> values) {
  VIZSLA_RETURN_IF_ERROR(Agree(absl::OkStatus()));
  return size() == 1 ? absl::OkStatus() : CheckTransport(group_.AllReduceSum(values));
}

absl::Status VotingGroup::Sum(std::span<double> values) {
  VIZSLA_RETURN_IF_ERROR(Agree(absl::OkStatus()));
  return size() == 1 ? absl::OkStatus() : CheckTransport(group_.AllReduceSum(values));
}

absl::Status VotingGroup::Max(std::span<int64_t> values) {
  VIZSLA_RETURN_IF_ERROR(Agree(absl::OkStatus()));
  return size() == 1 ? absl::OkStatus() : CheckTransport(group_.AllReduceMax(values));
}

}  // namespace vizsla
