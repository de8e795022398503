// Which way the gradients of a trial group go: a decision that all its ranks make alike. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>

#include "src/base/status.h"

namespace vizsla {

enum class TransportChoice { kAuto, kMpi, kNccl };  // the user's

// What a rank says of itself. Sent as bytes.
struct RankDevice {
  bool has_nccl = false;            // its program
  bool on_gpu = false;              // it computes on one
  std::array<std::byte, 16> gpu{};  // which; no two GPUs anywhere have the same
};

struct TransportDecision {
  bool nccl = false;  // else MPI
  // Why not NCCL, in words for the log; empty where nobody would expect it: on the CPU, in a group
  // of one, or when the user has chosen MPI.
  std::string reason;
};

// NCCL where every rank of a group of several has NCCL and a GPU of its own. `group` has an entry
// for each rank, in rank order. FailedPrecondition: the user asks for NCCL, and a sentence says why
// it cannot be.
absl::StatusOr<TransportDecision> ChooseTransport(TransportChoice asked,
                                                  std::span<const RankDevice> group);

}  // namespace vizsla
