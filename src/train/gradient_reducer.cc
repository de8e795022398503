#include "src/train/gradient_reducer.h"

#include <utility>

#include "src/train/gradient_buckets.h"

namespace vizsla {

GradientReducer::GradientReducer(NamedTensors parameters, VotingGroup& group)
    : parameters_(std::move(parameters)), group_(group) {
  if (group_.size() == 1) return;
  std::vector<size_t> bytes;
  for (const auto& [name, parameter] : parameters_) {
    bytes.push_back(static_cast<size_t>(parameter.numel()) * sizeof(float));
  }
  for (std::vector<size_t>& indices : PlanBuckets(bytes)) {
    size_t total = 0;
    for (const size_t i : indices) total += bytes[i] / sizeof(float);
    buckets_.push_back({std::move(indices), std::vector<float>(total)});
  }
}

void GradientReducer::BeginBackward() {}

absl::Status GradientReducer::Finish() {
  VIZSLA_RETURN_IF_ERROR(group_.Agree(absl::OkStatus()));
  torch::NoGradGuard no_grad;
  for (Bucket& bucket : buckets_) {
    const torch::Tensor sent = torch::from_blob(
        bucket.values.data(), {static_cast<int64_t>(bucket.values.size())}, torch::kFloat32);
    // Gathered where the gradients are: from a GPU a bucket is then one copy, not one a parameter.
    const torch::Device device = parameters_[bucket.parameters.front()].second.device();
    const torch::Tensor flat = device.is_cpu() ? sent : torch::empty_like(sent, device);
    int64_t at = 0;
    for (const size_t i : bucket.parameters) {
      const torch::Tensor& parameter = parameters_[i].second;
      torch::Tensor slice = flat.narrow(0, at, parameter.numel()).view(parameter.sizes());
      parameter.grad().defined() ? slice.copy_(parameter.grad()) : slice.zero_();
      at += parameter.numel();
    }
    if (!device.is_cpu()) torch::Tensor(sent).copy_(flat);
    VIZSLA_RETURN_IF_ERROR(group_.Sum(std::span<float>(bucket.values)));
    if (!device.is_cpu()) torch::Tensor(flat).copy_(sent);
    at = 0;
    for (const size_t i : bucket.parameters) {
      torch::Tensor& parameter = parameters_[i].second;
      if (!parameter.grad().defined()) {
        parameter.mutable_grad() = torch::empty_like(parameter.detach());
      }
      parameter.mutable_grad().copy_(flat.narrow(0, at, parameter.numel()).view(parameter.sizes()));
      at += parameter.numel();
    }
  }
  return absl::OkStatus();
}

}  // namespace vizsla
