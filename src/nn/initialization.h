// Random weights from named streams: the same on every machine and LibTorch version.
#pragma once

#include <torch/torch.h>

#include <cstdint>

#include "src/base/random.h"

namespace vizsla {

// Keras' default for Dense and Conv2D kernels (Glorot, Bengio 2010): uniform within
// +-sqrt(6 / (fan_in + fan_out)). `weight`: out x in, or out x in x kh x kw.
void InitializeGlorotUniform(torch::Tensor weight, const StreamKey& key);

// torch's kaiming_normal_(mode="fan_out"): normal, variance 2 / (out * kh * kw).
void InitializeKaimingNormal(torch::Tensor weight, const StreamKey& key);

}  // namespace vizsla
