// Adam (Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015) and AdamW
// (Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019), as torch.optim.Adam
// and AdamW compute them, with betas 0.9 and 0.999 and eps 1e-8:
//   p *= 1 - lr * weight_decay                      AdamW only
//   m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
//   p -= lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps)
#pragma once

#include "src/train/optimizer.h"

namespace vizsla {

class Adam final : public Optimizer {
 public:
  // plan.kind: kAdam, which has no weight decay, or kAdamW.
  Adam(NamedTensors parameters, const OptimizerPlan& plan);

 private:
  void Update(Parameter& parameter, const torch::Tensor& gradient, double rate) override;

  bool UpdateTogether(std::vector<Parameter>& parameters, double factor) override;

  const bool decays_;
};

}  // namespace vizsla
