// The tally of training steps, kept where the logits are: reading a number from a GPU waits for it,
// and a training loop that waits after every step leaves the GPU idle while the next is prepared.
#pragma once

#include <torch/torch.h>

#include <span>

#include "src/train/tally.h"

namespace vizsla {

// Counts as AddLogits does. Not thread-safe. LibTorch's exceptions travel through.
class StepSums {
 public:
  // `loss`: the rows' sum, a scalar; logits: labels.size() x class_count.
  void Add(const torch::Tensor& loss, const torch::Tensor& logits, std::span<const int64_t> labels,
           int class_count, Tally& tally);
  // Moves what a GPU still holds into the tally; waits for the GPU. To be called before the tally
  // is read.
  void CollectInto(Tally& tally);

 private:
  // So that the host cannot prepare without bound.
  static constexpr int kStepsInFlight = 16;

  void AddOnDevice(const torch::Tensor& loss, const torch::Tensor& logits,
                   std::span<const int64_t> labels);

  torch::Tensor sums_;  // loss, correct; float64 on the GPU; undefined before the first step
  int steps_ = 0;       // in sums_
};

}  // namespace vizsla
