#include "src/train/gradient_reducer.h"

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <utility>

#include "src/base/check.h"

namespace vizsla {

using torch::autograd::variable_list;

namespace {

NamedTensors Trained(NamedTensors parameters) {
  std::erase_if(parameters, [](const auto& named) { return !named.second.requires_grad(); });
  return parameters;
}

}  // namespace

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
    : parameters_(Trained(std::move(parameters))),
      group_(group),
      overlap_(options.overlap),
      places_(parameters_.size()) {
  if (group_.size() == 1) return;
  std::vector<size_t> bytes;
  for (const auto& [name, parameter] : parameters_) {
    VIZSLA_CHECK(parameter.scalar_type() == torch::kFloat32);
    VIZSLA_CHECK(parameter.device() == parameters_.front().second.device());
    bytes.push_back(static_cast<size_t>(parameter.numel()) * sizeof(float));
  }
  std::vector<int64_t> sizes;
  for (std::vector<size_t>& indices : PlanBuckets(bytes, options.buckets)) {
    int64_t total = 0;
    for (const size_t i : indices) {
      places_[i] = {buckets_.size(), total, false};
      total += parameters_[i].second.numel();
    }
    sizes.push_back(total);
    buckets_.push_back({std::move(indices)});
  }
  if (buckets_.empty()) return;
  sums_ = std::make_shared<BucketSums>(sizes, parameters_.front().second.device(), options.type,
                                       group_);
  group_.SetPass([sums = sums_](size_t first) { sums->StartFrom(first); });
  if (!overlap_) return;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    auto accumulator = torch::autograd::impl::grad_accumulator(parameters_[i].second);
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
  return sums_->values(place.bucket).narrow(0, place.offset, like.numel()).view(like.sizes());
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
    sums_->Start(sent_);
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
  for (size_t b = 0; b < buckets_.size(); ++b) {
    sums_->Fetch(b);
    for (const size_t i : buckets_[b].parameters) {
      parameters_[i].second.mutable_grad().copy_(Slice(i));
    }
  }
  return absl::OkStatus();
}

}  // namespace vizsla
