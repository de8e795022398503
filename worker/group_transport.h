// What carries the gradients of a trial group.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "src/comm/communicator.h"
#include "src/comm/transport.h"

namespace vizsla {

// Collective over `group`, the ranks of one trial group, which the result uses and which outlives
// it. Null: the group itself carries them. The leader logs what was chosen where there was a
// choice, and why it is not NCCL. `device`: "cpu" or "cuda:N". A status other than ok is the same
// on all ranks: the user has asked for NCCL, which cannot be, or `group` failed. When NCCL does not
// connect although it should, the group goes on without it, unless the user has asked for it.
absl::StatusOr<std::unique_ptr<Communicator>> ConnectTransport(
    TransportChoice asked, const std::string& device, Communicator& group,
    std::chrono::milliseconds collective_deadline);

}  // namespace vizsla
