#include "src/train/adam.h"

#include <ATen/Parallel.h>

#include <cmath>
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

}  // namespace vizsla
