#include "src/train/evaluator.h"

#include <torch/torch.h>

#include <algorithm>

#include "src/nn/autocast.h"
#include "src/nn/model.h"
#include "src/train/batch_tensors.h"
#include "src/train/foreign_errors.h"
#include "src/train/prefetcher.h"
#include "src/train/test_time_flip.h"

namespace vizsla {
namespace {

constexpr int64_t kRows = 64;  // of a batch

absl::StatusOr<Predictions> PredictUnguarded(const TrainingPlan& plan, Padding padding,
                                             int class_count, const TensorFile& file,
                                             const BatchSource& source, const std::string& device,
                                             const std::function<void(size_t, size_t)>& progress) {
  if (source.image_size() != plan.image_size) {
    return absl::InvalidArgumentError(StrCat("the photos are ", source.image_size(),
                                             " pixels wide, the model's ", plan.image_size));
  }
  torch::NoGradGuard no_grad;
  VIZSLA_ASSIGN_OR_RETURN(std::shared_ptr<Model> model,
                          BuildModel(plan, padding, class_count, StreamKey(0)));
  VIZSLA_RETURN_IF_ERROR(model->LoadState(file.tensors(), "the model"));
  const torch::Device where(device);
  const Precision precision =
      CheckPrecision(plan.precision, where).ok() ? plan.precision : Precision::kFloat32;
  const Tf32Scope tf32(precision == Precision::kTf32);
  model->to(where);
  model->FrozenStateChanged();
  model->eval();

  const int64_t photos = static_cast<int64_t>(source.photo_count());
  const int64_t photos_a_batch = plan.test_time_flip ? kRows / 2 : kRows;
  const int64_t batches = (photos + photos_a_batch - 1) / photos_a_batch;
  Predictions predictions;
  predictions.class_count = class_count;
  predictions.probabilities.reserve(source.photo_count() * static_cast<size_t>(class_count));
  const auto views_of = [&](int64_t batch) {
    return EvaluationViews(batch * photos_a_batch, std::min((batch + 1) * photos_a_batch, photos),
                           plan.test_time_flip);
  };
  Prefetcher prefetcher(source, 0, batches, views_of, RenderThreads(where));
  for (int64_t i = 0; i < batches; ++i) {
    VIZSLA_ASSIGN_OR_RETURN(Prefetcher::Batch * batch, prefetcher.Next());
    const Autocast autocast(precision, where);
    const torch::Tensor logits =
        model->forward(ToImages(*batch, plan.image_size, where)).to(torch::kFloat32);
    WithValues(torch::softmax(CombineViews(logits, plan.test_time_flip), 1),
               [&](std::span<const float> values) {
                 predictions.probabilities.insert(predictions.probabilities.end(), values.begin(),
                                                  values.end());
               });
    if (progress) {
      progress(static_cast<size_t>(std::min((i + 1) * photos_a_batch, photos)),
               source.photo_count());
    }
  }
  return predictions;
}

}  // namespace

absl::StatusOr<Predictions> Predict(const TrainingPlan& plan, Padding padding, int class_count,
                                    const TensorFile& model, const BatchSource& source,
                                    const std::string& device,
                                    const std::function<void(size_t, size_t)>& progress) {
  return CatchAll([&] {
    return PredictUnguarded(plan, padding, class_count, model, source, device, progress);
  });
}

}  // namespace vizsla
