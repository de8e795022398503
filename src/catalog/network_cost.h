// What a plan's network costs whoever uses it: known before it is trained, without LibTorch. Pure.
#pragma once

#include <cstdint>

#include "src/catalog/training_plan.h"

namespace vizsla {

struct NetworkCost {
  // Weights, biases, and scales and shifts of batch norms, frozen or not: what PyTorch's
  // parameters() and Keras' trainable weights of an unfrozen network hold. No running statistics.
  int64_t parameters = 0;
  // Of one photo's inference: multiplications that are added up, of convolutions and dense layers.
  // Half of what is commonly called FLOPs. Twice as many with test_time_flip.
  int64_t multiply_adds = 0;
  // Of all tensors of a pulled model.safetensors, without its header.
  int64_t model_bytes = 0;
};

// `plan` is one that ResolvePlan has made.
NetworkCost CostOf(const TrainingPlan& plan, int classes);

}  // namespace vizsla
