// Batch normalisation over N x C or N x C x H x W, whose training statistics can be those of the
// whole trial group's batch.
//
// Semantics are PyTorch's: y = (x - mean) / sqrt(variance + eps) * weight + bias with the biased
// variance of the batch; running = (1 - momentum) * running + momentum * batch, with the unbiased
// variance (Bessel's factor n / (n - 1); Keras does the same for images, and for N x C uses the
// biased one, which at n = 32 differs by 3 %). A batch of one value per channel normalises to
// `bias` and counts variance 0, as Keras does, where PyTorch refuses.
#pragma once

#include <torch/torch.h>

#include <functional>
#include <span>
#include <stdexcept>
#include <string>

#include "src/base/status.h"

namespace vizsla {

// Sums the values over the ranks of the trial group, in place, every rank getting the same bits.
// All ranks call it equally often with equally many values, also a rank that has no rows of this
// batch.
using SumReduction = std::function<absl::Status(std::span<double>)>;

// Travels inside nn when a SumReduction fails; the trainer turns it back into the status.
class ReductionError : public std::runtime_error {
 public:
  explicit ReductionError(absl::Status status);
  const absl::Status& status() const { return status_; }

 private:
  absl::Status status_;
};

struct BatchNormOptions {
  double eps = 1e-5;
  double momentum = 0.1;  // PyTorch's: the weight of the new batch
};
inline constexpr BatchNormOptions kTorchvisionBatchNorm{1e-5, 0.1};
inline constexpr BatchNormOptions kKerasBatchNorm{1e-3, 0.01};  // Keras' momentum 0.99

// Parameters and buffers are named as torch.nn.BatchNorm2d's: weight, bias, running_mean,
// running_var, num_batches_tracked.
class BatchNormImpl : public torch::nn::Module {
 public:
  BatchNormImpl(int64_t channels, BatchNormOptions options);

  // In training mode, not frozen and learning: the statistics of the batch, and the running ones
  // move. Otherwise the running statistics. Throws ReductionError.
  torch::Tensor forward(const torch::Tensor& x);

  // Frozen: inference also in training mode, and nothing requires a gradient.
  void SetFrozen(bool frozen);
  bool frozen() const { return frozen_; }

  // false: the running statistics also in training mode; weight and bias train all the same.
  void SetLearnsStatistics(bool learns) { learns_statistics_ = learns; }

  // Null (the default): the statistics of this rank's rows. With a reduction, the mean, the
  // variance and their gradients are over all ranks' rows, however they are divided. It is then
  // called once in the forward and once in the backward pass, and gradients are right when each
  // rank's loss is its rows' sum divided by the global batch and the ranks' gradients are summed.
  // It runs on the thread that calls forward, and in the backward pass of CPU tensors on the one
  // that calls backward; of CUDA tensors on LibTorch's thread of that device, while the caller
  // waits.
  void SetReduction(SumReduction reduction) { reduction_ = std::move(reduction); }

  // Inference is x * scale + shift per channel.
  std::pair<torch::Tensor, torch::Tensor> InferenceScaleAndShift() const;

  const BatchNormOptions& options() const { return options_; }

  torch::Tensor weight, bias, running_mean, running_var, num_batches_tracked;

 private:
  BatchNormOptions options_;
  bool frozen_ = false;
  bool learns_statistics_ = true;
  SumReduction reduction_;
};
TORCH_MODULE(BatchNorm);

}  // namespace vizsla
