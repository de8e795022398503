// Stochastic gradient descent with momentum, as torch.optim.SGD(momentum, weight_decay,
// dampening=0, nesterov=False) computes it:
//   g += weight_decay * p;  b = momentum * b + g;  p -= lr * b
#pragma once

#include "src/train/optimizer.h"

namespace vizsla {

class Sgd final : public Optimizer {
 public:
  Sgd(NamedTensors parameters, const OptimizerPlan& plan);

 private:
  void Update(Parameter& parameter, const torch::Tensor& gradient, double rate) override;

  const double momentum_;  // 0: there is no state
};

}  // namespace vizsla
