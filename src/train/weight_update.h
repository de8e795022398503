// What follows from the gradients of a step: clipping, the optimizer, the average of the weights.
#pragma once

#include <torch/torch.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "src/catalog/training_plan.h"
#include "src/train/loss_scale.h"
#include "src/train/optimizer.h"
#include "src/train/weight_average.h"

namespace vizsla {

// Every rank of a group has the same gradients and does the same with them. Not thread-safe.
// LibTorch's exceptions travel through.
class WeightUpdate {
 public:
  // The parameters share the model's memory; the average starts as they are now.
  WeightUpdate(NamedTensors parameters, const TrainingPlan& plan);

  void ClearGradients() { optimizer_->ClearGradients(); }
  // With a loss scale: divides the gradients by it, and when they overflowed lowers it and does
  // nothing else; false then.
  // Clips the gradients' common 2-norm to plan.clip_norm (torch.nn.utils.clip_grad_norm_), steps
  // with both learning rates times `factor`, and updates the average.
  bool Apply(double factor);
  int64_t steps() const { return optimizer_->steps(); }
  // Of precision float16 alone, or null: what the loss is multiplied by before its backward pass.
  LossScale* loss_scale() { return loss_scale_ ? &*loss_scale_ : nullptr; }
  const LossScale* loss_scale() const { return loss_scale_ ? &*loss_scale_ : nullptr; }
  WeightAverage* average() { return average_ ? &*average_ : nullptr; }

  // The tensors that a `last` checkpoint holds besides the model's: "optimizer..." and
  // "average...".
  NamedTensors State() const;
  // CopyInto(State()); all or nothing.
  absl::Status LoadState(const std::map<std::string, TensorView>& tensors, int64_t steps,
                         std::string_view place);
  // Whether a checkpoint's tensor is of State() rather than of the model.
  static bool Owns(std::string_view name) {
    return name.starts_with("optimizer.") || name.starts_with("average.");
  }

 private:
  // Takes the loss scale out of the gradients; whether one of them is not a finite number.
  bool Unscale();

  std::vector<torch::Tensor> parameters_;
  double clip_norm_;
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<WeightAverage> average_;
  std::optional<LossScale> loss_scale_;
};

}  // namespace vizsla
