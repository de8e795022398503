// Dropout whose masks are a function of the trial's seed and not of LibTorch's generator: the mask
// of the global batch is drawn per row from a counter-based stream, and a rank draws its own rows
// only, so that one rank and several agree.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/base/random.h"

namespace vizsla {

// Which rows of which step this rank computes. `key` names the step: seed, trial, epoch, step.
struct DropoutStep {
  StreamKey key;
  int64_t first_row = 0;  // in the global batch, of this rank's first row
};

// Writes for rows [first_row, first_row + mask.size() / row_size) of the global batch 0 (dropped,
// with probability `rate` to 16 bits) or 1 / (1 - rate). Pure; a row does not depend on which
// others are asked for. mask.size() must be a multiple of row_size.
void DrawDropoutMask(StreamKey key, int64_t first_row, int64_t row_size, double rate,
                     std::span<float> mask);

// What is dropped at once: an element, or all of a row (stochastic depth, Huang et al. 2016; as
// torchvision.ops.StochasticDepth's mode "row").
enum class DropoutUnit { kElement, kRow };

class DropoutImpl : public torch::nn::Module {
 public:
  // `layer` tells this layer's stream from the others'.
  DropoutImpl(double rate, std::string layer, DropoutUnit unit = DropoutUnit::kElement);

  // Identity when not training or when the rate is 0. In training SetStep comes first. Elements of
  // a row are numbered channel last (row, column, channel).
  torch::Tensor forward(const torch::Tensor& x);
  void SetStep(const DropoutStep& step) { step_ = step; }

  double rate() const { return rate_; }
  // The mask of a step's rows, as forward draws it.
  void DrawMask(const DropoutStep& step, int64_t row_size, std::span<float> mask) const;
  // Names this layer's masks of a step.
  StreamKey MaskKey(const StreamKey& step) const { return step.With("dropout").With(layer_); }
  // For a forward pass that is recorded on a GPU (device_graph.h): where the value of MaskKey
  // stands there, an int64 of the same bits, in place of the step's. Undefined: the step's again.
  void SetKeyOnDevice(const torch::Tensor& key) { key_on_device_ = key; }

 private:
  // 0 or 1 / (1 - rate); float32, row-major.
  torch::Tensor MaskOf(const std::vector<int64_t>& sizes, const torch::Device& device) const;

  double rate_;
  std::string layer_;
  DropoutUnit unit_;
  std::optional<DropoutStep> step_;
  torch::Tensor key_on_device_;
};
TORCH_MODULE(Dropout);

}  // namespace vizsla
