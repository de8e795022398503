#include "src/train/weight_update.h"

namespace vizsla {

WeightUpdate::WeightUpdate(NamedTensors parameters, const TrainingPlan& plan)
    : clip_norm_(plan.clip_norm), optimizer_(MakeOptimizer(parameters, plan.optimizer)) {
  for (const auto& [name, parameter] : parameters) parameters_.push_back(parameter);
  if (plan.ema_decay > 0) average_.emplace(std::move(parameters), plan.ema_decay);
}

void WeightUpdate::Apply(double factor) {
  if (clip_norm_ > 0) torch::nn::utils::clip_grad_norm_(parameters_, clip_norm_);
  optimizer_->Step(factor);
  if (average_) average_->Update(optimizer_->steps());
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
