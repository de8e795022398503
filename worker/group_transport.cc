#include "worker/group_transport.h"

#include <charconv>
#include <span>
#include <string_view>
#include <vector>

#include "src/base/log.h"
#include "src/comm/nccl_communicator.h"

namespace vizsla {
namespace {

constexpr std::string_view kCuda = "cuda:";

// Of "cuda:N"; -1 when the device is no GPU.
int OrdinalOf(std::string_view device) {
  int ordinal = -1;
  if (device.starts_with(kCuda)) {
    device.remove_prefix(kCuda.size());
    std::from_chars(device.data(), device.data() + device.size(), ordinal);
  }
  return ordinal;
}

absl::StatusOr<RankDevice> Describe(int ordinal) {
  RankDevice mine{.has_nccl = HasNccl(), .on_gpu = ordinal >= 0};
  if (mine.has_nccl && mine.on_gpu) {
    VIZSLA_ASSIGN_OR_RETURN(mine.gpu, UuidOfGpu(ordinal));
  }
  return mine;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Communicator>> ConnectTransport(
    TransportChoice asked, const std::string& device, Communicator& group,
    std::chrono::milliseconds collective_deadline) {
  if (asked == TransportChoice::kMpi) return nullptr;
  const int ordinal = OrdinalOf(device);
  const absl::StatusOr<RankDevice> mine = Describe(ordinal);
  VIZSLA_RETURN_IF_ERROR(Vote(group, mine.status()));
  std::vector<RankDevice> all(static_cast<size_t>(group.size()));
  VIZSLA_RETURN_IF_ERROR(
      group.AllGather(std::as_bytes(std::span(&*mine, 1)), std::as_writable_bytes(std::span(all))));
  VIZSLA_ASSIGN_OR_RETURN(TransportDecision decision, ChooseTransport(asked, all));
  std::unique_ptr<Communicator> nccl;
  if (decision.nccl) {
    absl::StatusOr<std::unique_ptr<Communicator>> connected = MakeNcclCommunicator(
        group, {.device = ordinal, .collective_deadline = collective_deadline});
    if (connected.ok()) {
      nccl = *std::move(connected);
    } else if (asked == TransportChoice::kNccl) {
      return Annotate(connected.status(), "--transport nccl");
    } else {
      decision.reason = std::string(connected.status().message());
    }
  }
  if (group.rank() == 0 && nccl != nullptr) log::info("gradients go over NCCL");
  if (group.rank() == 0 && !decision.reason.empty()) {
    log::warn("gradients go over MPI, through the host's memory: {}", decision.reason);
  }
  return nccl;
}

}  // namespace vizsla
