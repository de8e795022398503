#include "src/train/bucket_sums.h"

#include <span>

#include "src/nn/device_stream.h"

namespace vizsla {
namespace {

template <typename T>
std::span<T> SpanOf(const torch::Tensor& tensor) {
  return {static_cast<T*>(tensor.data_ptr()), static_cast<size_t>(tensor.numel())};
}

}  // namespace

BucketSums::BucketSums(const std::vector<int64_t>& sizes, torch::Device device, GradientType type,
                       VotingGroup& group)
    : group_(group) {
  const auto options =
      torch::dtype(type == GradientType::kFloat32 ? torch::kFloat32 : torch::kBFloat16);
  for (const int64_t size : sizes) {
    const torch::Tensor values = torch::zeros({size}, options.device(device));
    const bool travels_from_there = device.is_cpu() || group.device_sums();
    buckets_.push_back({values, travels_from_there ? values : torch::zeros({size}, options)});
  }
}

void BucketSums::Start(size_t bucket) {
  const auto& [values, sent] = buckets_[bucket];
  if (!sent.is_same(values)) torch::Tensor(sent).copy_(values);
  StartSum(buckets_[bucket]);
}

void BucketSums::StartFrom(size_t bucket) {
  for (; bucket < buckets_.size(); ++bucket) StartSum(buckets_[bucket]);
}

void BucketSums::Fetch(size_t bucket) {
  const auto& [values, sent] = buckets_[bucket];
  if (!sent.is_same(values)) torch::Tensor(values).copy_(sent);
}

void BucketSums::StartSum(const Bucket& bucket) {
  const torch::Tensor& sent = bucket.sent;
  const bool is_float = sent.scalar_type() == torch::kFloat32;
  if (group_.device_sums()) {
    group_.StartSum(DeviceValues{
        .type = is_float ? DeviceValues::Type::kFloat32 : DeviceValues::Type::kBfloat16,
        .data = sent.data_ptr(),
        .count = static_cast<size_t>(sent.numel()),
        .stream = CurrentStream(sent.device())});
  } else if (is_float) {
    group_.StartSum(SpanOf<float>(sent));
  } else {
    group_.StartSum(SpanOf<Bfloat16>(sent));
  }
}

}  // namespace vizsla
