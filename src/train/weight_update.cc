#include "src/train/weight_update.h"

namespace vizsla {

WeightUpdate::WeightUpdate(NamedTensors parameters, const TrainingPlan& plan)
    : clip_norm_(plan.clip_norm), optimizer_(MakeOptimizer(parameters, plan.optimizer)) {
  for (const auto& [name, parameter] : parameters) parameters_.push_back(parameter);
  if (plan.precision == Precision::kFloat16) loss_scale_.emplace();
  if (plan.ema_decay > 0) average_.emplace(std::move(parameters), plan.ema_decay);
}

bool WeightUpdate::Unscale() {
  const torch::NoGradGuard no_gradients;
  std::vector<torch::Tensor> gradients;
  for (const torch::Tensor& parameter : parameters_) {
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  }
  if (gradients.empty()) return false;
  const auto options = torch::dtype(torch::kFloat32).device(gradients[0].device());
  torch::Tensor overflowed = torch::zeros({1}, options);
  const torch::Tensor inverse = torch::full({1}, 1 / loss_scale_->value(), options);
  torch::_amp_foreach_non_finite_check_and_unscale_(gradients, overflowed, inverse);
  return overflowed.item<float>() != 0;
}

bool WeightUpdate::Apply(double factor) {
  if (loss_scale_) {
    const bool overflowed = Unscale();
    loss_scale_->Update(overflowed);
    if (overflowed) return false;
  }
  if (clip_norm_ > 0) torch::nn::utils::clip_grad_norm_(parameters_, clip_norm_);
  optimizer_->Step(factor);
  if (average_) average_->Update(optimizer_->steps());
  return true;
}

NamedTensors WeightUpdate::State() const {
  NamedTensors state = optimizer_->State();
  if (average_) {
    for (auto& named : average_->State()) state.push_back(std::move(named));
  }
  return state;
}

absl::Status WeightUpdate::LoadState(const std::map<std::string, TensorView>& tensors,
                                     int64_t steps, std::string_view place) {
  VIZSLA_RETURN_IF_ERROR(CopyInto(State(), tensors, place));
  optimizer_->set_steps(steps);
  return absl::OkStatus();
}

}  // namespace vizsla
