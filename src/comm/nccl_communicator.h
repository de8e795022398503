// NCCL behind the Communicator interface: for groups whose ranks have a GPU each.
//
// Sums of device values, which is where the bytes are, go over NCCL, from GPU to GPU. Host buffers,
// votes and whatever else the ranks wait for go over the communicator that the group had before: a
// vote by a kernel takes longer than one by MPI, a rank that waits in a kernel keeps its GPU busy,
// and the kernels of two NCCL communicators at a time may wait for each other for ever.
//
// In a build without NCCL this module is there as well, and says so (HasNccl).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>

#include "src/comm/communicator.h"

namespace vizsla {

bool HasNccl();

// The same for two ranks only if it is the same GPU, on whatever host.
using GpuUuid = std::array<std::byte, 16>;
// Of the GPU with this CUDA ordinal.
absl::StatusOr<GpuUuid> UuidOfGpu(int ordinal);

struct NcclOptions {
  int device = 0;  // CUDA ordinal of this rank; no two ranks of a group share one
  // The watchdog: a sum that is not done so long after FinishSums, or after the first one since the
  // last FinishSums was started and what was before it was done, is aborted (ncclCommAbort), so
  // that whoever waits for the GPU wakes up, and the next call returns DeadlineExceeded. Zero:
  // never.
  std::chrono::milliseconds collective_deadline{std::chrono::minutes(10)};
  // A process that has not ended so long after its NCCL has failed is ended with
  // _exit(kCollectiveTimeoutExitCode): it may wait for ever in a place that the abort does not
  // reach.
  std::chrono::milliseconds grace{std::chrono::seconds(15)};
};

// Collective over `control`, which carries NCCL's id to all ranks, and outlives the result. The
// group has control's ranks, and all of them succeed or fail together. Blocks for a minute at
// most; errors name NCCL's or CUDA's words, and leave `control` as it was. Errors of later calls:
// DeadlineExceeded, ResourceExhausted when the GPU's memory is, Internal when NCCL or CUDA fails
// otherwise, else those of `control`.
absl::StatusOr<std::unique_ptr<Communicator>> MakeNcclCommunicator(Communicator& control,
                                                                   const NcclOptions& options);

}  // namespace vizsla
