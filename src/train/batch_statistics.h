// The running statistics of a model's batch norms, remembered, for a step that has to be repeated.
#pragma once

#include <torch/torch.h>

#include <vector>

#include "src/nn/tensors.h"

namespace vizsla {

// Not thread-safe. LibTorch's exceptions travel through.
class BatchStatistics {
 public:
  // What of `state` (Model::TrainedState) has no gradient; shares the model's memory.
  explicit BatchStatistics(const NamedTensors& state);

  // One copy for each type of number, however many norms there are: on a GPU a copy is a launch.
  void Remember();
  // As they were at the last Remember; nothing before the first.
  void Restore();

 private:
  struct Kind {
    std::vector<torch::Tensor> tensors;  // of one type
    torch::Tensor copy;                  // all of them, one after the other
  };
  std::vector<Kind> kinds_;
};

}  // namespace vizsla
