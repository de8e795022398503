// A training step of a head alone, on features that are there already: forward, loss and backward
// in one call, by hand.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <span>
#include <vector>

#include "src/catalog/training_plan.h"
#include "src/nn/model.h"
#include "src/train/head_layers.h"

namespace vizsla {

// What TrainingStep computes by autograd, to float32's rounding, for less processor time
// (tests/benchmark/fused_heads_benchmark.cc). Works on the thread that calls it, with that thread's
// number of LibTorch threads. Not thread-safe; steps of different models may run at the same time.
// LibTorch's exceptions travel through.
class HeadStep {
 public:
  // Whether only the head trains, on rows that a cache holds.
  static bool IsHeadOnSharedRows(const TrainingPlan& plan);
  // Whether it does so in float32, on the CPU, by one rank.
  static bool Fits(const TrainingPlan& plan, const torch::Device& device, int ranks);

  // `class_weights`: one a class, or none. `model`, which outlives this object, is the plan's.
  HeadStep(const TrainingPlan& plan, Model& model, std::vector<float> class_weights);

  struct Result {
    double loss = 0;       // the rows' sum, without penalties
    torch::Tensor logits;  // rows x classes; of this object until the next Run
  };
  // features: rows x feature_count(), at most plan.batch_size rows. Sets the gradients of the
  // model's trainable parameters, of the rows' mean loss and the penalties; they stay this object's
  // memory. The running statistics of batch norms move. `dropout` names the step.
  Result Run(const torch::Tensor& features, std::span<const int64_t> labels,
             const StreamKey& dropout);

 private:
  const double smoothing_;
  const std::vector<float> class_weights_;
  std::vector<std::unique_ptr<HeadLayer>> layers_;
  torch::Tensor log_probabilities_;  // plan.batch_size x classes
  torch::Tensor probabilities_;
};

}  // namespace vizsla
