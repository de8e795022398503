// Adam (Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015), in PyTorch's form:
//   m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
//   p -= lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps)
// Our own, because its state must be stored and restored exactly, and because one pass over the
// memory makes a step of a small head several times cheaper than a dozen tensor operations a
// parameter.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "src/base/status.h"
#include "src/nn/tensors.h"

namespace vizsla {

struct AdamOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
};

// Not thread-safe. Float32 parameters on any device. LibTorch's exceptions travel through.
class Adam {
 public:
  // The parameters share the model's memory; names are those of the state dict.
  Adam(NamedTensors parameters, const AdamOptions& options);

  // From the parameters' gradients; a parameter without one stays as it is.
  void Step();
  void ClearGradients();
  int64_t steps() const { return steps_; }

  // "optimizer.exp_avg.NAME" and "optimizer.exp_avg_sq.NAME" for each parameter; share this memory.
  NamedTensors State() const;
  // CopyInto(State()); all or nothing.
  absl::Status LoadState(const std::map<std::string, TensorView>& tensors, int64_t steps,
                         std::string_view place);

 private:
  NamedTensors parameters_;
  AdamOptions options_;
  std::vector<torch::Tensor> mean_;
  std::vector<torch::Tensor> square_;
  int64_t steps_ = 0;
};

}  // namespace vizsla
