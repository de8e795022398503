// The convolutions of the campaign's scratch networks v1 and v2, before their dense layers:
// C(32,5) C(32,3) MP2 BN Drop - C(64,5) C(64,3) MP2 BN Drop. C: "same" convolution with bias and
// ReLU.
#pragma once

#include <torch/torch.h>

#include <cstdint>

#include "src/base/random.h"
#include "src/nn/batch_norm.h"
#include "src/nn/convolution.h"
#include "src/nn/dropout.h"

namespace vizsla {

class ScratchBody : public torch::nn::Module {
 public:
  static constexpr int64_t kChannels = 64;
  // Side of the last map; pooling drops an odd last row, as Keras' default does.
  static int64_t MapSize(int64_t image_size) { return image_size / 2 / 2; }

  explicit ScratchBody(double dropout);

  void Initialize(const StreamKey& key);
  torch::Tensor forward(torch::Tensor x);  // N x 3 x S x S -> N x 64 x MapSize x MapSize
  void SetStep(const DropoutStep& step);
  void SetReduction(const SumReduction& reduction);

 private:
  Convolution conv1_{nullptr}, conv2_{nullptr}, conv3_{nullptr}, conv4_{nullptr};
  BatchNorm norm1_{nullptr}, norm2_{nullptr};
  Dropout dropout1_{nullptr}, dropout2_{nullptr};
};

}  // namespace vizsla
