#include "src/train/rmsprop.h"

#include <utility>

namespace vizsla {
namespace {

constexpr double kAlpha = 0.99;
constexpr double kEps = 1e-8;

std::vector<std::string> NamesOfState(double momentum) {
  std::vector<std::string> names = {"square_avg"};
  if (momentum > 0) names.push_back("momentum_buffer");
  return names;
}

}  // namespace

Rmsprop::Rmsprop(NamedTensors parameters, const OptimizerPlan& plan)
    : Optimizer(std::move(parameters), plan, NamesOfState(plan.momentum)),
      momentum_(plan.momentum) {}

void Rmsprop::Update(Parameter& parameter, const torch::Tensor& gradient, double rate) {
  torch::Tensor& square = parameter.state[0];
  square.mul_(kAlpha).addcmul_(gradient, gradient, 1 - kAlpha);
  const torch::Tensor root = square.sqrt().add_(kEps);
  if (momentum_ > 0) {
    parameter.tensor.add_(parameter.state[1].mul_(momentum_).addcdiv_(gradient, root), -rate);
  } else {
    parameter.tensor.addcdiv_(gradient, root, -rate);
  }
}

}  // namespace vizsla
