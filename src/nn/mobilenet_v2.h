// MobileNetV2 (Sandler, Howard, Zhu, Zhmoginov, Chen: "MobileNetV2: Inverted Residuals and Linear
// Bottlenecks", CVPR 2018), width 1.0, without its classifier, with torchvision's structure and
// names: features.0 ... features.18.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "src/base/random.h"
#include "src/nn/batch_norm.h"
#include "src/nn/convolution.h"

namespace vizsla {

// Convolution, batch norm and, unless linear, ReLU6.
struct ConvolutionUnit {
  Convolution convolution{nullptr};
  BatchNorm norm{nullptr};
  bool linear = false;
  // The batch norm's inference folded into the convolution; undefined until needed.
  torch::Tensor folded_weight;
  torch::Tensor folded_bias;
};

class MobileNetV2 : public torch::nn::Module {
 public:
  static constexpr int kLayers = 19;          // features.0 ... features.18
  static constexpr int64_t kChannels = 1280;  // of the last feature map
  static constexpr int64_t kStride = 32;

  explicit MobileNetV2(Padding padding);

  // torchvision's initialisation: normal, variance 2 / fan_out.
  void Initialize(const StreamKey& key);

  // features.[from] ... features.[to - 1]. Run follows train() and the batch norms' frozen state;
  // RunFrozen is inference with folded batch norms, under no_grad, its result detached.
  torch::Tensor Run(torch::Tensor x, int from, int to);
  torch::Tensor RunFrozen(torch::Tensor x, int from, int to);

  // Layers before `cut` are frozen (inference, no gradients), the others train. Drops what was
  // folded.
  void Freeze(int cut);
  int cut() const { return cut_; }
  void DropFolded();
  void SetReduction(const SumReduction& reduction);

 private:
  struct Layer {
    std::vector<ConvolutionUnit> units;
    bool residual = false;
  };
  template <typename Apply>
  torch::Tensor RunLayers(torch::Tensor x, int from, int to, const Apply& apply);

  std::vector<Layer> layers_;
  int cut_ = 0;
};

}  // namespace vizsla
