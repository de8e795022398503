// The tally of training steps, kept where the logits are: reading a number from a GPU waits for it,
// and a training loop that waits after every step leaves the GPU idle while the next is prepared.
#pragma once

#include <torch/torch.h>

#include "src/train/tally.h"

namespace vizsla {

// The loss and the right rows alone; whoever adds counts the rows. Counts as AddLogits does. Not
// thread-safe. LibTorch's exceptions travel through.
class StepSums {
 public:
  // `loss`: the rows' sum, a scalar; logits: rows x class_count; labels: int64, one a row. All on
  // one device. A GPU is waited for when it may have as many steps to do as `most_in_flight`: the
  // host must not prepare without bound.
  void Add(const torch::Tensor& loss, const torch::Tensor& logits, const torch::Tensor& labels,
           int class_count, Tally& tally, int most_in_flight);

  // Add in two halves, for a step on a GPU that is recorded (device_graph.h): AddOnDevice is part
  // of the recording, after there has been an Add on that GPU; StepAdded follows each replay.
  void AddOnDevice(const torch::Tensor& loss, const torch::Tensor& logits,
                   const torch::Tensor& labels);
  void StepAdded(Tally& tally, int most_in_flight);

  // Moves what a GPU still holds into the tally; waits for the GPU. To be called before the tally
  // is read.
  void CollectInto(Tally& tally);

 private:
  torch::Tensor sums_;  // loss, correct; float64 on the GPU; undefined before the first step
  int steps_ = 0;       // in sums_
};

}  // namespace vizsla
