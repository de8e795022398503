#include "src/nn/batch_norm.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "src/nn/autocast.h"

namespace vizsla {
namespace {

using torch::Tensor;

std::vector<int64_t> AllButChannels(const Tensor& x) {
  return x.dim() == 4 ? std::vector<int64_t>{0, 2, 3} : std::vector<int64_t>{0};
}

// C -> 1 x C or 1 x C x 1 x 1.
Tensor AlongChannels(const Tensor& values, const Tensor& x) {
  return x.dim() == 4 ? values.view({1, -1, 1, 1}) : values.view({1, -1});
}

// What autograd keeps between forward and backward.
struct Synchronised : torch::CustomClassHolder {
  SumReduction reduction;  // may be null: this rank's rows only
  double count = 0;        // values per channel over all ranks
};

void Reduce(const Synchronised& state, std::vector<double>& values) {
  if (!state.reduction) return;
  absl::Status status = state.reduction(values);
  if (!status.ok()) throw ReductionError(std::move(status));
}

std::vector<double> ToDoubles(const Tensor& values) {
  const Tensor host = values.detach().to(torch::kCPU, torch::kFloat64).contiguous();
  return {host.data_ptr<double>(), host.data_ptr<double>() + host.numel()};
}

Tensor ToDevice(const std::vector<double>& values, const Tensor& like) {
  return torch::tensor(values, torch::kFloat64).to(like.device(), like.scalar_type());
}

struct Statistics {
  std::vector<double> mean;
  std::vector<double> variance;  // biased
};

// Per-channel mean and variance over all ranks. The local moments are float32 around the local
// mean; they are joined in float64, where E[x^2] - E[x]^2 loses nothing that float32 could show.
Statistics ReduceStatistics(const Tensor& x, Synchronised& state) {
  const int64_t channels = x.size(1);
  const double local = channels == 0 ? 0 : static_cast<double>(x.numel() / channels);
  std::vector<double> sums(2 * channels + 1, 0.0);
  sums[2 * channels] = local;
  if (local > 0) {
    const std::vector<int64_t> dims = AllButChannels(x);
    const Tensor mean = x.mean(dims);
    const Tensor variance = (x - AlongChannels(mean, x)).square().mean(dims);
    const std::vector<double> means = ToDoubles(mean), variances = ToDoubles(variance);
    for (int64_t c = 0; c < channels; ++c) {
      sums[c] = local * means[c];
      sums[channels + c] = local * (variances[c] + means[c] * means[c]);
    }
  }
  Reduce(state, sums);
  state.count = std::max(sums[2 * channels], 1.0);  // no rows on any rank: zeros, not NaN
  Statistics statistics{std::vector<double>(channels), std::vector<double>(channels)};
  for (int64_t c = 0; c < channels; ++c) {
    statistics.mean[c] = sums[c] / state.count;
    const double square = sums[channels + c] / state.count;
    statistics.variance[c] = std::max(square - statistics.mean[c] * statistics.mean[c], 0.0);
  }
  return statistics;
}

class SynchronisedBatchNorm : public torch::autograd::Function<SynchronisedBatchNorm> {
 public:
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& input,
                        const Tensor& weight, const Tensor& bias, Tensor running_mean,
                        Tensor running_var, const BatchNormOptions& options,
                        const SumReduction& reduction) {
    // Sums in a lower type would not be worth much.
    const Tensor x = Widened(input);
    auto state = c10::make_intrusive<Synchronised>();
    state->reduction = reduction;
    const Statistics statistics = ReduceStatistics(x, *state);
    const size_t channels = statistics.mean.size();
    std::vector<double> inverse(channels), unbiased(channels);
    const double bessel = state->count / std::max(state->count - 1, 1.0);
    for (size_t c = 0; c < channels; ++c) {
      inverse[c] = 1 / std::sqrt(statistics.variance[c] + options.eps);
      unbiased[c] = statistics.variance[c] * bessel;
    }
    const Tensor mean = ToDevice(statistics.mean, x), deviation = ToDevice(inverse, x);
    running_mean.mul_(1 - options.momentum).add_(mean, options.momentum);
    running_var.mul_(1 - options.momentum).add_(ToDevice(unbiased, x), options.momentum);

    context->save_for_backward({input, weight, mean, deviation});
    context->saved_data["state"] = c10::IValue::make_capsule(std::move(state));
    const Tensor scale = deviation * weight;
    return (x * AlongChannels(scale, x) + AlongChannels(bias - mean * scale, x))
        .to(input.scalar_type());
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const torch::autograd::variable_list saved = context->get_saved_variables();
    const Tensor &input = saved[0], &weight = saved[1], &mean = saved[2], &deviation = saved[3];
    const Tensor x = Widened(input);
    const auto capsule = context->saved_data["state"].toCapsule();
    const auto& state = static_cast<const Synchronised&>(*capsule);
    const Tensor dy = Widened(gradients[0]);

    const std::vector<int64_t> dims = AllButChannels(x);
    const Tensor normalised = (x - AlongChannels(mean, x)) * AlongChannels(deviation, x);
    const Tensor bias_gradient = dy.sum(dims);  // zeros for no rows
    const Tensor weight_gradient = (dy * normalised).sum(dims);

    std::vector<double> sums = ToDoubles(torch::cat({bias_gradient, weight_gradient}));
    Reduce(state, sums);
    for (double& sum : sums) sum /= state.count;
    const std::vector<Tensor> means = ToDevice(sums, x).chunk(2);
    const Tensor x_gradient =
        (dy - AlongChannels(means[0], x) - normalised * AlongChannels(means[1], x)) *
        AlongChannels(deviation * weight, x);
    return {x_gradient.to(input.scalar_type()),
            weight_gradient,
            bias_gradient,
            Tensor(),
            Tensor(),
            Tensor(),
            Tensor()};
  }
};

}  // namespace

ReductionError::ReductionError(absl::Status status)
    : std::runtime_error(std::string(status.message())), status_(std::move(status)) {}

BatchNormImpl::BatchNormImpl(int64_t channels, BatchNormOptions options) : options_(options) {
  weight = register_parameter("weight", torch::ones({channels}));
  bias = register_parameter("bias", torch::zeros({channels}));
  running_mean = register_buffer("running_mean", torch::zeros({channels}));
  running_var = register_buffer("running_var", torch::ones({channels}));
  num_batches_tracked = register_buffer("num_batches_tracked", torch::zeros({}, torch::kInt64));
}

torch::Tensor BatchNormImpl::forward(const torch::Tensor& x) {
  const int64_t count = x.numel() / std::max<int64_t>(x.size(1), 1);
  // A rank without rows in a small last batch has seen nothing that its own statistics could learn.
  const bool batch_statistics =
      is_training() && !frozen_ && learns_statistics_ && (reduction_ || count > 0);
  if (batch_statistics) num_batches_tracked.add_(1);
  if (batch_statistics && (reduction_ || count < 2)) {
    return SynchronisedBatchNorm::apply(x, weight, bias, running_mean, running_var, options_,
                                        reduction_);
  }
  return torch::batch_norm(x, weight, bias, running_mean, running_var, batch_statistics,
                           options_.momentum, options_.eps, /*cudnn_enabled=*/true);
}

void BatchNormImpl::SetFrozen(bool frozen) {
  frozen_ = frozen;
  weight.set_requires_grad(!frozen);
  bias.set_requires_grad(!frozen);
}

std::pair<torch::Tensor, torch::Tensor> BatchNormImpl::InferenceScaleAndShift() const {
  const torch::Tensor scale = weight * torch::rsqrt(running_var + options_.eps);
  return {scale, bias - running_mean * scale};
}

}  // namespace vizsla
