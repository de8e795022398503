// The kernel of device_mask.h, for units without LibTorch.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace vizsla {

struct DropoutMaskCall {
  const uint64_t* key = nullptr;  // on the GPU; null: key_value
  uint64_t key_value = 0;
  uint64_t first_row = 0;
  int64_t rows = 0;
  int64_t row_size = 0;
  uint32_t threshold = 0;  // of 16 bits: what lies below is dropped
  float kept = 1;
  float* mask = nullptr;
  cudaStream_t stream = nullptr;
};

cudaError_t LaunchDropoutMask(const DropoutMaskCall& call);

}  // namespace vizsla
