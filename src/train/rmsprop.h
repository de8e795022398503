// RMSprop (Hinton, "Neural networks for machine learning", lecture 6e), as
// torch.optim.RMSprop(alpha=0.99, eps=1e-8, momentum) computes it:
//   v = alpha v + (1 - alpha) g^2;  d = g / (sqrt(v) + eps)
//   without momentum: p -= lr * d;  with it: b = momentum * b + d;  p -= lr * b
#pragma once

#include "src/train/optimizer.h"

namespace vizsla {

class Rmsprop final : public Optimizer {
 public:
  Rmsprop(NamedTensors parameters, const OptimizerPlan& plan);

 private:
  void Update(Parameter& parameter, const torch::Tensor& gradient, double rate) override;

  const double momentum_;
};

}  // namespace vizsla
