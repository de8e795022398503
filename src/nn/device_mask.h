// Dropout masks drawn on a GPU.
#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace vizsla {

// DrawDropoutMask (dropout.h), bit for bit, into `mask`: contiguous float32 on a GPU, of whole rows
// of `row_size` numbers. The stream's key is `key_value`, or where `key` is defined the int64
// (of the same bits) that stands there when the GPU gets to it. Does not wait for the GPU.
void DrawDropoutMaskOnDevice(const torch::Tensor& key, uint64_t key_value, int64_t first_row,
                             int64_t row_size, double rate, const torch::Tensor& mask);

}  // namespace vizsla
