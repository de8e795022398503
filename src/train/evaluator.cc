#include "src/train/evaluator.h"

#include <torch/torch.h>

#include <algorithm>
#include <cstring>

#include "src/nn/model.h"
#include "src/train/foreign_errors.h"
#include "src/train/prefetcher.h"

namespace vizsla {
namespace {

constexpr int64_t kBatchRows = 64;

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
  model->to(where);
  model->FrozenStateChanged();
  model->eval();

  const int64_t photos = static_cast<int64_t>(source.photo_count());
  Predictions predictions;
  predictions.class_count = class_count;
  predictions.probabilities.resize(source.photo_count() * static_cast<size_t>(class_count));
  const int64_t batches = (photos + kBatchRows - 1) / kBatchRows;
  Prefetcher prefetcher(source, 0, batches, [photos](int64_t batch) {
    std::vector<PhotoView> views;
    for (int64_t i = batch * kBatchRows; i < std::min((batch + 1) * kBatchRows, photos); ++i) {
      views.push_back({static_cast<uint32_t>(i), View{}});
    }
    return views;
  });
  size_t done = 0;
  for (int64_t i = 0; i < batches; ++i) {
    VIZSLA_ASSIGN_OR_RETURN(Prefetcher::Batch * batch, prefetcher.Next());
    const torch::Tensor images = torch::from_blob(
        batch->pixels.data(),
        {static_cast<int64_t>(batch->views.size()), 3, plan.image_size, plan.image_size});
    const torch::Tensor probabilities =
        torch::softmax(model->forward(images.to(where)), 1).to(torch::kCPU).contiguous();
    std::memcpy(predictions.probabilities.data() + done * static_cast<size_t>(class_count),
                probabilities.data_ptr<float>(), static_cast<size_t>(probabilities.nbytes()));
    done += batch->views.size();
    if (progress) progress(done, source.photo_count());
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
