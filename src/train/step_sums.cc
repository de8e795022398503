#include "src/train/step_sums.h"

#include "src/nn/tensors.h"
#include "src/train/batch_tensors.h"

namespace vizsla {

void StepSums::Add(const torch::Tensor& loss, const torch::Tensor& logits,
                   std::span<const int64_t> labels, int class_count, Tally& tally) {
  tally.rows += static_cast<double>(labels.size());
  if (!logits.device().is_cpu()) {
    if (!labels.empty()) AddOnDevice(loss, logits, labels);
    if (steps_ == kStepsInFlight) CollectInto(tally);
    return;
  }
  tally.loss += loss.item<double>();
  WithValues(logits, [&](std::span<const float> values) {
    tally.correct += static_cast<double>(CountCorrect(values, labels, class_count));
  });
}

void StepSums::AddOnDevice(const torch::Tensor& loss, const torch::Tensor& logits,
                           std::span<const int64_t> labels) {
  const torch::NoGradGuard no_gradients;
  if (!sums_.defined()) {
    sums_ = torch::zeros({2}, torch::dtype(torch::kFloat64).device(logits.device()));
  }
  const torch::Tensor targets = ToDevice(
      torch::tensor(torch::ArrayRef<int64_t>(labels.data(), labels.size())), logits.device());
  // Of equal ones the lowest class, and NaN, which is never right, before all numbers.
  const auto [largest, place] = logits.detach().max(1);
  const torch::Tensor right = (place == targets).logical_and(largest == largest);
  sums_.add_(torch::stack({loss.detach().to(torch::kFloat64), right.sum().to(torch::kFloat64)}));
  ++steps_;
}

void StepSums::CollectInto(Tally& tally) {
  if (steps_ == 0) return;
  const torch::Tensor host = sums_.to(torch::kCPU);
  tally.loss += host.data_ptr<double>()[0];
  tally.correct += host.data_ptr<double>()[1];
  sums_.zero_();
  steps_ = 0;
}

}  // namespace vizsla
