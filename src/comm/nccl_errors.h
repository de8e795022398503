// CUDA's and NCCL's errors as statuses, for the units that see their headers.
#pragma once

#include <cuda_runtime_api.h>
#include <nccl.h>

#include "src/base/status.h"

namespace vizsla {

inline absl::Status CudaStatus(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return absl::OkStatus();
  (void)cudaGetLastError();  // told here; whoever asks CUDA next must not take it for their own
  const std::string message = StrCat(what, ": CUDA: ", cudaGetErrorString(error));
  return error == cudaErrorMemoryAllocation ? absl::ResourceExhaustedError(message)
                                            : absl::InternalError(message);
}

inline absl::Status NcclStatus(ncclResult_t result, const char* what) {
  if (result == ncclSuccess || result == ncclInProgress) return absl::OkStatus();
  return absl::InternalError(StrCat(what, ": NCCL: ", ncclGetErrorString(result)));
}

}  // namespace vizsla
