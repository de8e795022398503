// The layers of a head (src/nn/head.h) with both passes written out: no autograd graph, and no
// memory taken in a step. What a small head's step costs is otherwise mostly bookkeeping.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <vector>

#include "src/base/random.h"
#include "src/nn/head.h"

namespace vizsla {

// On the CPU, float32, in training mode. Not thread-safe; layers of different heads may work at the
// same time. LibTorch's exceptions travel through. Parameters are read where they are at the time,
// so that those of the model may be exchanged between steps.
class HeadLayer {
 public:
  virtual ~HeadLayer() = default;
  // x: rows x width, contiguous, at most `largest_batch` rows; it must stay as it is until
  // Backward. The result is this layer's until the next Forward. `dropout` names the step.
  virtual torch::Tensor Forward(const torch::Tensor& x, const StreamKey& dropout) = 0;
  // Of the rows of the last Forward. `gradient`, of its result, may be overwritten. Sets the
  // gradients of the layer's parameters; they stay this layer's until the next Backward. The
  // gradient of x, or an undefined tensor unless `wants_input`.
  virtual torch::Tensor Backward(const torch::Tensor& gradient, bool wants_input) = 0;
};

// Keras' regularizers: see Head::Penalty.
struct HeadPenalties {
  double l1 = 0;
  double l2 = 0;
  double l2_bias = 0;
};

// In the order of Head::forward; the head outlives them.
std::vector<std::unique_ptr<HeadLayer>> LayersOf(Head& head, int64_t largest_batch,
                                                 const HeadPenalties& penalties);

}  // namespace vizsla
