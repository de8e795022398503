#include "src/comm/transport.h"

#include <algorithm>
#include <map>

namespace vizsla {
namespace {

// Empty: it can.
std::string WhyNotNccl(std::span<const RankDevice> group) {
  if (group.size() == 1) {
    return "a trial group of one rank sends no gradients (--ranks-per-trial is 1)";
  }
  std::map<std::array<std::byte, 16>, size_t> owners;
  for (size_t rank = 0; rank < group.size(); ++rank) {
    if (!group[rank].has_nccl) {
      return "this program was built without NCCL (deploy/gpu.md says how to build it)";
    }
    if (!group[rank].on_gpu) return StrCat("rank ", rank, " of the trial group has no GPU");
    const auto [owner, is_new] = owners.emplace(group[rank].gpu, rank);
    if (!is_new) {
      return StrCat("ranks ", owner->second, " and ", rank,
                    " of the trial group share a GPU, and NCCL needs one a rank");
    }
  }
  return "";
}

}  // namespace

absl::StatusOr<TransportDecision> ChooseTransport(TransportChoice asked,
                                                  std::span<const RankDevice> group) {
  if (asked == TransportChoice::kMpi) return TransportDecision{};
  const std::string reason = WhyNotNccl(group);
  if (reason.empty()) return TransportDecision{.nccl = true, .reason = ""};
  if (asked == TransportChoice::kNccl) {
    return absl::FailedPreconditionError(StrCat("--transport nccl: ", reason));
  }
  const bool any_gpu =
      std::any_of(group.begin(), group.end(), [](const RankDevice& rank) { return rank.on_gpu; });
  return TransportDecision{.nccl = false, .reason = group.size() > 1 && any_gpu ? reason : ""};
}

}  // namespace vizsla
