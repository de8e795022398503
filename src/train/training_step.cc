#include "src/train/training_step.h"

#include <vector>

#include "src/nn/autocast.h"
#include "src/train/class_weights.h"

namespace vizsla {

TrainingStep::TrainingStep(const TrainingPlan& plan, const TrainingData& data, Model& model,
                           VotingGroup& group, torch::Device device, bool fuse_head)
    : plan_(plan),
      data_(data),
      model_(model),
      group_(group),
      device_(device),
      loss_(*data.train, plan.label_smoothing,
            WeightsOfClasses(plan.class_weights, *data.train, data.class_count), device),
      reducer_(model.TrainableParameters(), group),
      update_(model.TrainableParameters(), plan) {
  if (fuse_head && HeadStep::Fits(plan, device, group.size())) {
    head_step_.emplace(plan, model,
                       WeightsOfClasses(plan.class_weights, *data.train, data.class_count));
  }
}

absl::Status TrainingStep::Run(const StepRows& rows, const torch::Tensor& input,
                               const CachedInput* cached, const StreamKey& dropout,
                               double learning_rate_factor, Tally& tally) {
  if (head_step_ && cached != nullptr) {
    return RunFused(rows, input, dropout, learning_rate_factor, tally);
  }
  update_.ClearGradients();
  model_.BeginStep(dropout, rows.mine.begin);
  torch::Tensor logits;
  {
    const Autocast autocast(plan_.precision, device_);
    logits = cached != nullptr ? cached->Logits(model_, input) : model_.forward(input);
  }
  const torch::Tensor loss = loss_.Sum(logits, rows.views);
  torch::Tensor trained = loss / static_cast<double>(rows.global_count);
  // Gradients are summed over the ranks: one of them brings the penalty.
  if (group_.is_leader() && (plan_.l1 > 0 || plan_.l2 > 0 || plan_.l2_bias > 0)) {
    trained = trained + model_.HeadPenalty(plan_.l1, plan_.l2, plan_.l2_bias);
  }
  VIZSLA_RETURN_IF_ERROR(TakeStep(trained, learning_rate_factor));

  sums_.Add(loss, logits, LabelsOf(*data_.train, rows.views), data_.class_count, tally);
  return absl::OkStatus();
}

absl::Status TrainingStep::RunFused(const StepRows& rows, const torch::Tensor& input,
                                    const StreamKey& dropout, double learning_rate_factor,
                                    Tally& tally) {
  const std::vector<int64_t> labels = LabelsOf(*data_.train, rows.views);
  const HeadStep::Result result = head_step_->Run(input, labels, dropout);
  update_.Apply(learning_rate_factor);
  tally.loss += result.loss;
  tally.correct += static_cast<double>(
      CountCorrect({result.logits.data_ptr<float>(), static_cast<size_t>(result.logits.numel())},
                   labels, data_.class_count));
  tally.rows += static_cast<double>(labels.size());
  return absl::OkStatus();
}

absl::Status TrainingStep::TakeStep(const torch::Tensor& trained, double learning_rate_factor) {
  for (;;) {
    const LossScale* scale = update_.loss_scale();
    // Gradients that overflow at a scale of 1 do so without one: the step is skipped as any other.
    const bool searches = scale != nullptr && update_.steps() == 0 && scale->value() > 1;
    reducer_.BeginBackward();
    (scale != nullptr ? trained * scale->value() : trained)
        .backward(/*gradient=*/{}, /*retain_graph=*/searches);
    VIZSLA_RETURN_IF_ERROR(reducer_.Finish());
    // Every rank has the same gradients, and decides the same.
    if (update_.Apply(learning_rate_factor) || !searches) return absl::OkStatus();
    update_.ClearGradients();
  }
}

}  // namespace vizsla
