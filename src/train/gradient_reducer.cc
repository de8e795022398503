#include "src/train/gradient_reducer.h"

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <utility>

namespace vizsla {

using torch::autograd::variable_list;

class GradientReducer::Hook : public torch::autograd::FunctionPostHook {
 public:
  Hook(GradientReducer& reducer, size_t parameter) : reducer_(reducer), parameter_(parameter) {}
  variable_list operator()(const variable_list& outputs, const variable_list&) override {
    if (reducer_.in_pass_) reducer_.Ready(parameter_);
    return outputs;
  }

 private:
  GradientReducer& reducer_;
  const size_t parameter_;
};

GradientReducer::GradientReducer(NamedTensors parameters, VotingGroup& group,
                                 const ReducerOptions& options)
    : parameters_(std::move(parameters)),
      group_(group),
      overlap_(options.overlap),
      places_(parameters_.size()) {
  if (group_.size() == 1) return;
  std::vector<size_t> bytes;
  for (const auto& [name, parameter] : parameters_) {
    bytes.push_back(static_cast<size_t>(parameter.numel()) * sizeof(float));
  }
  for (std::vector<size_t>& indices : PlanBuckets(bytes, options.buckets)) {
    int64_t total = 0;
    for (const size_t i : indices) {
      places_[i] = {buckets_.size(), total, false};
      total += parameters_[i].second.numel();
    }
    Bucket bucket;
    bucket.values = std::make_shared<std::vector<float>>(static_cast<size_t>(total));
    bucket.host = torch::from_blob(bucket.values->data(), {total}, torch::kFloat32);
    const torch::Device device = parameters_[indices.front()].second.device();
    bucket.flat = device.is_cpu() ? bucket.host : torch::empty_like(bucket.host, device);
    bucket.parameters = std::move(indices);
    buckets_.push_back(std::move(bucket));
  }
  if (!overlap_) return;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    auto accumulator = torch::autograd::impl::grad_accumulator(parameters_[i].second);
    if (accumulator == nullptr) continue;  // requires no gradient: will get none
    const uintptr_t hook = accumulator->add_post_hook(std::make_unique<Hook>(*this, i));
    hooked_.push_back({std::move(accumulator), hook});
  }
}

GradientReducer::~GradientReducer() {
  for (const Hooked& hooked : hooked_) hooked.accumulator->del_post_hook(hooked.hook);
}

void GradientReducer::BeginBackward() {
  for (Place& place : places_) place.filled = false;
  for (Bucket& bucket : buckets_) bucket.missing = bucket.parameters.size();
  sent_ = 0;
  in_pass_ = !buckets_.empty();
}

torch::Tensor GradientReducer::Slice(size_t parameter) const {
  const torch::Tensor& like = parameters_[parameter].second;
  const Place& place = places_[parameter];
  return buckets_[place.bucket].flat.narrow(0, place.offset, like.numel()).view(like.sizes());
}

void GradientReducer::Ready(size_t parameter) {
  if (places_[parameter].filled) return;
  Fill(parameter);
  SendFull();
  group_.PollSums();
}

void GradientReducer::Fill(size_t parameter) {
  const torch::NoGradGuard no_gradients;
  torch::Tensor& gradient = parameters_[parameter].second.mutable_grad();
  torch::Tensor slice = Slice(parameter);
  if (gradient.defined()) {
    slice.copy_(gradient);
  } else {
    // The sum may not be zero. Before the vote: what follows it must not run out of memory.
    gradient = torch::empty_like(parameters_[parameter].second.detach());
    slice.zero_();
  }
  places_[parameter].filled = true;
  --buckets_[places_[parameter].bucket].missing;
}

void GradientReducer::SendFull() {
  const torch::NoGradGuard no_gradients;
  for (; sent_ < buckets_.size() && buckets_[sent_].missing == 0; ++sent_) {
    const Bucket& bucket = buckets_[sent_];
    if (!bucket.flat.is_cpu()) torch::Tensor(bucket.host).copy_(bucket.flat);
    group_.StartSum(bucket.values);
  }
}

absl::Status GradientReducer::Finish() {
  in_pass_ = false;
  if (buckets_.empty()) return group_.Agree(absl::OkStatus());
  for (const Bucket& bucket : buckets_) {
    for (const size_t i : bucket.parameters) {
      if (!places_[i].filled) Fill(i);
    }
    SendFull();
  }
  // Only now that all ranks have sent everything may one wait for the others.
  VIZSLA_RETURN_IF_ERROR(group_.Agree(absl::OkStatus()));
  const auto start = std::chrono::steady_clock::now();
  VIZSLA_RETURN_IF_ERROR(group_.FinishSums());
  waited_ += std::chrono::steady_clock::now() - start;
  const torch::NoGradGuard no_gradients;
  for (const Bucket& bucket : buckets_) {
    if (!bucket.flat.is_cpu()) torch::Tensor(bucket.flat).copy_(bucket.host);
    for (const size_t i : bucket.parameters) {
      parameters_[i].second.mutable_grad().copy_(Slice(i));
    }
  }
  return absl::OkStatus();
}

}  // namespace vizsla
