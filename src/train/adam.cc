#include "src/train/adam.h"

#include <ATen/Parallel.h>

#include <cmath>
#include <utility>

#include "src/train/adam_update.h"

namespace vizsla {
namespace {

// Element by element: the result does not depend on the number of threads.
void UpdateOnCpu(float* p, const float* g, float* m, float* v, int64_t count,
                 const AdamFactors& f) {
  at::parallel_for(0, count, 1 << 16, [&](int64_t begin, int64_t end) {
    UpdateAdam(p + begin, g + begin, m + begin, v + begin, end - begin, f);
  });
}

}  // namespace

Adam::Adam(NamedTensors parameters, const AdamOptions& options)
    : parameters_(std::move(parameters)), options_(options) {
  for (const auto& [name, parameter] : parameters_) {
    mean_.push_back(torch::zeros_like(parameter.detach()));
    square_.push_back(torch::zeros_like(parameter.detach()));
  }
}

void Adam::Step() {
  torch::NoGradGuard no_grad;
  ++steps_;
  const double correction1 = 1 - std::pow(options_.beta1, static_cast<double>(steps_));
  const double correction2 = 1 - std::pow(options_.beta2, static_cast<double>(steps_));
  const double step = options_.learning_rate / correction1;
  const AdamFactors factors = {
      static_cast<float>(options_.beta1), static_cast<float>(1 - options_.beta1),
      static_cast<float>(options_.beta2), static_cast<float>(1 - options_.beta2),
      static_cast<float>(step),           static_cast<float>(std::sqrt(correction2)),
      static_cast<float>(options_.eps)};
  for (size_t i = 0; i < parameters_.size(); ++i) {
    torch::Tensor& p = parameters_[i].second;
    torch::Tensor gradient = p.grad();
    if (!gradient.defined()) continue;
    torch::Tensor& m = mean_[i];
    torch::Tensor& v = square_[i];
    if (p.device().is_cpu() && p.is_non_overlapping_and_dense() && m.strides() == p.strides() &&
        v.strides() == p.strides()) {
      // Another memory format than the parameter's: put it in the same order.
      if (gradient.strides() != p.strides()) gradient = torch::empty_like(p).copy_(gradient);
      UpdateOnCpu(p.data_ptr<float>(), gradient.data_ptr<float>(), m.data_ptr<float>(),
                  v.data_ptr<float>(), p.numel(), factors);
      continue;
    }
    m.mul_(options_.beta1).add_(gradient, 1 - options_.beta1);
    v.mul_(options_.beta2).addcmul_(gradient, gradient, 1 - options_.beta2);
    p.addcdiv_(m, v.sqrt().div_(std::sqrt(correction2)).add_(options_.eps), -step);
  }
}

void Adam::ClearGradients() {
  for (auto& [name, parameter] : parameters_) parameter.mutable_grad() = torch::Tensor();
}

NamedTensors Adam::State() const {
  NamedTensors state;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    state.emplace_back("optimizer.exp_avg." + parameters_[i].first, mean_[i]);
    state.emplace_back("optimizer.exp_avg_sq." + parameters_[i].first, square_[i]);
  }
  return state;
}

absl::Status Adam::LoadState(const std::map<std::string, TensorView>& tensors, int64_t steps,
                             std::string_view place) {
  VIZSLA_RETURN_IF_ERROR(CopyInto(State(), tensors, place));
  steps_ = steps;
  return absl::OkStatus();
}

}  // namespace vizsla
