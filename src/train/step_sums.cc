#include "src/train/step_sums.h"

#include <span>

#include "src/train/batch_tensors.h"

namespace vizsla {

void StepSums::Add(const torch::Tensor& loss, const torch::Tensor& logits,
                   const torch::Tensor& labels, int class_count, Tally& tally, int most_in_flight) {
  if (!logits.device().is_cpu()) {
    if (!sums_.defined()) {
      sums_ = torch::zeros({2}, torch::dtype(torch::kFloat64).device(logits.device()));
    }
    if (labels.size(0) == 0) return;
    AddOnDevice(loss, logits, labels);
    StepAdded(tally, most_in_flight);
    return;
  }
  tally.loss += loss.item<double>();
  const std::span<const int64_t> host(labels.data_ptr<int64_t>(),
                                      static_cast<size_t>(labels.size(0)));
  WithValues(logits, [&](std::span<const float> values) {
    tally.correct += static_cast<double>(CountCorrect(values, host, class_count));
  });
}

void StepSums::StepAdded(Tally& tally, int most_in_flight) {
  if (++steps_ >= most_in_flight) CollectInto(tally);
}

void StepSums::AddOnDevice(const torch::Tensor& loss, const torch::Tensor& logits,
                           const torch::Tensor& labels) {
  const torch::NoGradGuard no_gradients;
  // Of equal ones the lowest class, and NaN, which is never right, before all numbers.
  const auto [largest, place] = logits.detach().max(1);
  const torch::Tensor right = (place == labels).logical_and(largest == largest);
  sums_.add_(torch::stack({loss.detach().to(torch::kFloat64), right.sum().to(torch::kFloat64)}));
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
