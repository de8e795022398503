#include "src/train/adam.h"

#include <ATen/Parallel.h>

#include <cmath>
#include <map>
#include <utility>

#include "src/train/adam_update.h"

namespace vizsla {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEps = 1e-8;

// Element by element: the result does not depend on the number of threads.
void UpdateOnCpu(float* p, const float* g, float* m, float* v, int64_t count,
                 const AdamFactors& f) {
  at::parallel_for(0, count, 1 << 16, [&](int64_t begin, int64_t end) {
    UpdateAdam(p + begin, g + begin, m + begin, v + begin, end - begin, f);
  });
}

// Parameters that share their numbers, as the lists that LibTorch's kernel wants.
struct FusedGroup {
  std::vector<torch::Tensor> parameters, gradients, means, squares;
};

}  // namespace

Adam::Adam(NamedTensors parameters, const OptimizerPlan& plan)
    : Optimizer(std::move(parameters), plan, {"exp_avg", "exp_avg_sq"}),
      decays_(plan.kind == OptimizerPlan::Kind::kAdamW) {}

void Adam::Update(Parameter& parameter, const torch::Tensor& gradient, double rate) {
  torch::Tensor& p = parameter.tensor;
  torch::Tensor& m = parameter.state[0];
  torch::Tensor& v = parameter.state[1];
  const double t = static_cast<double>(steps());
  const double keep = decays_ ? 1 - rate * parameter.weight_decay : 1;
  const double step = rate / (1 - std::pow(kBeta1, t));
  const double root_correction = std::sqrt(1 - std::pow(kBeta2, t));
  if (p.device().is_cpu() && p.is_non_overlapping_and_dense() && m.strides() == p.strides() &&
      v.strides() == p.strides()) {
    // Another memory format than the parameter's: put it in the same order.
    const torch::Tensor g =
        gradient.strides() == p.strides() ? gradient : torch::empty_like(p).copy_(gradient);
    UpdateOnCpu(p.data_ptr<float>(), g.data_ptr<float>(), m.data_ptr<float>(), v.data_ptr<float>(),
                p.numel(),
                {.keep = static_cast<float>(keep),
                 .beta1 = static_cast<float>(kBeta1),
                 .rest1 = static_cast<float>(1 - kBeta1),
                 .beta2 = static_cast<float>(kBeta2),
                 .rest2 = static_cast<float>(1 - kBeta2),
                 .step = static_cast<float>(step),
                 .root_correction = static_cast<float>(root_correction),
                 .eps = static_cast<float>(kEps)});
    return;
  }
  if (keep != 1) p.mul_(keep);
  m.mul_(kBeta1).add_(gradient, 1 - kBeta1);
  v.mul_(kBeta2).addcmul_(gradient, gradient, 1 - kBeta2);
  p.addcdiv_(m, v.sqrt().div_(root_correction).add_(kEps), -step);
}

bool Adam::UpdateTogether(std::vector<Parameter>& parameters, double factor) {
  if (parameters.empty() || !parameters.front().tensor.is_cuda()) return false;
  std::map<std::pair<double, double>, FusedGroup> groups;  // by learning rate and weight decay
  for (Parameter& parameter : parameters) {
    const torch::Tensor& p = parameter.tensor;
    torch::Tensor gradient = p.grad();
    if (!gradient.defined()) continue;
    // The kernel walks through the memory of all four alike.
    if (gradient.strides() != p.strides()) gradient = torch::empty_like(p).copy_(gradient);
    FusedGroup& group =
        groups[{factor * parameter.learning_rate, decays_ ? parameter.weight_decay : 0}];
    group.parameters.push_back(p);
    group.gradients.push_back(std::move(gradient));
    group.means.push_back(parameter.state[0]);
    group.squares.push_back(parameter.state[1]);
  }
  const torch::Tensor step = torch::full({}, static_cast<double>(steps()),
                                         parameters.front().tensor.options().requires_grad(false));
  for (auto& [rate_and_decay, group] : groups) {
    const auto [rate, decay] = rate_and_decay;
    if (decay > 0) torch::_foreach_mul_(group.parameters, 1 - rate * decay);
    torch::_fused_adam_(group.parameters, group.gradients, group.means, group.squares,
                        /*max_exp_avg_sqs=*/{},
                        std::vector<torch::Tensor>(group.parameters.size(), step), rate, kBeta1,
                        kBeta2, /*weight_decay=*/0, kEps, /*amsgrad=*/false, /*maximize=*/false);
  }
  return true;
}

}  // namespace vizsla
