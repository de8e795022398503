// What the tests on a GPU share.
#pragma once

#include "tests/nn/testing.h"

namespace vizsla {

inline const torch::Device kGpu(torch::kCUDA, 0);

// ||a - b|| / ||b||.
inline double RelativeError(const torch::Tensor& a, const torch::Tensor& b) {
  const auto wide = [](const torch::Tensor& x) {
    return x.detach().to(torch::kCPU, torch::kFloat64);
  };
  return ((wide(a) - wide(b)).norm() / wide(b).norm()).item<double>();
}

}  // namespace vizsla
