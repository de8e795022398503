#include "src/train/optimizer.h"

#include <utility>

#include "src/base/check.h"
#include "src/base/str_cat.h"
#include "src/train/adam.h"
#include "src/train/rmsprop.h"
#include "src/train/sgd.h"

namespace vizsla {

Optimizer::Optimizer(NamedTensors parameters, const OptimizerPlan& plan,
                     std::vector<std::string> names_of_state)
    : names_of_state_(std::move(names_of_state)) {
  for (auto& [name, tensor] : parameters) {
    Parameter parameter;
    parameter.learning_rate =
        name.starts_with("head.") ? plan.learning_rate : plan.backbone_learning_rate;
    parameter.weight_decay = tensor.dim() > 1 ? plan.weight_decay : 0;
    for (size_t i = 0; i < names_of_state_.size(); ++i) {
      parameter.state.push_back(torch::zeros_like(tensor.detach()));
    }
    parameter.name = std::move(name);
    parameter.tensor = std::move(tensor);
    parameters_.push_back(std::move(parameter));
  }
}

void Optimizer::Step(double factor) {
  torch::NoGradGuard no_grad;
  ++steps_;
  if (UpdateTogether(parameters_, factor)) return;
  for (Parameter& parameter : parameters_) {
    const torch::Tensor gradient = parameter.tensor.grad();
    if (gradient.defined()) Update(parameter, gradient, factor * parameter.learning_rate);
  }
}

void Optimizer::ClearGradients() {
  for (Parameter& parameter : parameters_) parameter.tensor.mutable_grad() = torch::Tensor();
}

NamedTensors Optimizer::State() const {
  NamedTensors state;
  for (const Parameter& parameter : parameters_) {
    for (size_t i = 0; i < names_of_state_.size(); ++i) {
      state.emplace_back(StrCat("optimizer.", names_of_state_[i], ".", parameter.name),
                         parameter.state[i]);
    }
  }
  return state;
}

std::unique_ptr<Optimizer> MakeOptimizer(NamedTensors parameters, const OptimizerPlan& plan) {
  switch (plan.kind) {
    case OptimizerPlan::Kind::kAdam:
    case OptimizerPlan::Kind::kAdamW:
      return std::make_unique<Adam>(std::move(parameters), plan);
    case OptimizerPlan::Kind::kSgd:
      return std::make_unique<Sgd>(std::move(parameters), plan);
    case OptimizerPlan::Kind::kRmsprop:
      return std::make_unique<Rmsprop>(std::move(parameters), plan);
  }
  VIZSLA_CHECK(false);
}

}  // namespace vizsla
