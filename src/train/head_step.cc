#include "src/train/head_step.h"

#include <utility>

#include "src/catalog/cached_rows.h"
#include "src/train/head_loops.h"

namespace vizsla {

bool HeadStep::IsHeadOnSharedRows(const TrainingPlan& plan) {
  const auto rows = CachedRowsOf(plan);
  return BackboneIsFrozen(plan) && TrainRowsAreShared(plan) && rows.has_value() &&
         rows->kind != CachedRows::Kind::kCut;
}

bool HeadStep::Fits(const TrainingPlan& plan, const torch::Device& device, int ranks) {
  return device.is_cpu() && ranks == 1 && plan.precision == Precision::kFloat32 &&
         IsHeadOnSharedRows(plan);
}

HeadStep::HeadStep(const TrainingPlan& plan, Model& model, std::vector<float> class_weights)
    : smoothing_(plan.label_smoothing),
      class_weights_(std::move(class_weights)),
      layers_(LayersOf(model.head(), plan.batch_size,
                       {.l1 = plan.l1, .l2 = plan.l2, .l2_bias = plan.l2_bias})) {
  const int64_t classes = model.head().parts().output->bias.size(0);
  log_probabilities_ = torch::empty({plan.batch_size, classes});
  probabilities_ = torch::empty({plan.batch_size, classes});
}

HeadStep::Result HeadStep::Run(const torch::Tensor& features, std::span<const int64_t> labels,
                               const StreamKey& dropout) {
  const torch::NoGradGuard no_gradients;
  torch::Tensor x = features.contiguous();
  for (const auto& layer : layers_) x = layer->Forward(x, dropout);
  Result result;
  result.logits = x;

  torch::Tensor logs = log_probabilities_.narrow(0, 0, x.size(0));
  torch::Tensor gradient = probabilities_.narrow(0, 0, x.size(0));
  at::_log_softmax_out(logs, x, /*dim=*/1, /*half_to_float=*/false);
  at::exp_out(gradient, logs);
  result.loss = SmoothedLoss(logs.data_ptr<float>(), gradient.data_ptr<float>(), labels, x.size(1),
                             static_cast<float>(smoothing_), class_weights_);
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    gradient = (*layer)->Backward(gradient, /*wants_input=*/*layer != layers_.front());
  }
  return result;
}

}  // namespace vizsla
