#include "src/train/sgd.h"

#include <utility>

namespace vizsla {

Sgd::Sgd(NamedTensors parameters, const OptimizerPlan& plan)
    : Optimizer(std::move(parameters), plan,
                plan.momentum > 0 ? std::vector<std::string>{"momentum_buffer"}
                                  : std::vector<std::string>{}),
      momentum_(plan.momentum) {}

void Sgd::Update(Parameter& parameter, const torch::Tensor& gradient, double rate) {
  torch::Tensor direction = gradient;
  if (parameter.weight_decay > 0) {
    direction = gradient.add(parameter.tensor, parameter.weight_decay);
  }
  if (momentum_ > 0) direction = parameter.state[0].mul_(momentum_).add_(direction);
  parameter.tensor.add_(direction, -rate);
}

}  // namespace vizsla
