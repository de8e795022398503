// NCCL behind the Communicator interface: for groups whose ranks have a GPU each. Plain host
// buffers are staged through device memory, so that one conformance suite holds for every
// transport.
#pragma once

#include <chrono>
#include <memory>

#include "src/comm/communicator.h"

namespace vizsla {

struct NcclOptions {
  int device = 0;  // CUDA ordinal of this rank; no two ranks of a group share one
  // A collective that takes longer is aborted (ncclCommAbort) and fails with DeadlineExceeded.
  // Zero: never.
  std::chrono::milliseconds collective_deadline{std::chrono::minutes(10)};
};

// Collective over `bootstrap`, which carries NCCL's id to all ranks and is not needed afterwards.
// The group has bootstrap's ranks. Blocks; errors name NCCL's or CUDA's words.
absl::StatusOr<std::unique_ptr<Communicator>> MakeNcclCommunicator(Communicator& bootstrap,
                                                                   const NcclOptions& options);

}  // namespace vizsla
