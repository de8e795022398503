// An exponential moving average of the trained weights, which are what is validated and kept.
#pragma once

#include <torch/torch.h>

#include "src/nn/tensors.h"

namespace vizsla {

// After the t-th update (from 1): average = d * average + (1 - d) * weights with
// d = min(decay, (1 + t) / (10 + t)), the warm-up of TensorFlow's ExponentialMovingAverage, so that
// the start weights are soon forgotten. Of parameters only: batch norm's running statistics are the
// model's own. Not thread-safe.
class WeightAverage {
 public:
  // Starts as the parameters are now; they share the model's memory.
  WeightAverage(NamedTensors parameters, double decay);

  // After the optimizer's step of this number, from 1.
  void Update(int64_t step);
  // Exchanges the memory of the model's weights and of the average. Twice is as before.
  void Swap();
  // "average.NAME" for each parameter; shares this memory.
  NamedTensors State() const;

 private:
  NamedTensors parameters_;
  double decay_;
  std::vector<torch::Tensor> average_;
};

// The model has the averaged weights while this object lives. Null: it keeps its own.
class AveragedWeights {
 public:
  explicit AveragedWeights(WeightAverage* average) : average_(average) {
    if (average_ != nullptr) average_->Swap();
  }
  ~AveragedWeights() {
    if (average_ != nullptr) average_->Swap();
  }
  AveragedWeights(const AveragedWeights&) = delete;
  AveragedWeights& operator=(const AveragedWeights&) = delete;

 private:
  WeightAverage* average_;
};

}  // namespace vizsla
