// Mixed precision: inside this object's life, operations on the device run as PyTorch's
// torch.autocast runs them (Micikevicius et al., "Mixed precision training", ICLR 2018):
// convolutions and matrix products in bfloat16 or float16 with sums in float32, what needs range or
// accuracy in float32, the rest in the type of its input. Weights stay float32; their copies of
// lower precision are made once in an outermost autocast and kept until it ends.
// The backward pass belongs outside: it uses the types of the forward pass.
//
// `tf32` is float32 whose convolutions and matrix products may use the tensor units' 10-bit
// mantissa; `float32` forbids it, so that a GPU's numbers are the CPU's to rounding. PyTorch's own
// default allows it in convolutions alone.
#pragma once

#include <torch/torch.h>

#include "src/base/status.h"
#include "src/catalog/training_plan.h"

namespace vizsla {

// InvalidArgument says what is missing: float16 on a CPU before LibTorch 2.
absl::Status CheckPrecision(Precision precision, const torch::Device& device);

// What autocast casts to on the device, in force on this thread; float32 outside.
torch::ScalarType AutocastType(const torch::Device& device);

// Whether its numbers are bfloat16 or float16.
bool IsLow(const torch::Tensor& x);
// In float32 when it is low, otherwise as it is.
torch::Tensor Widened(const torch::Tensor& x);

// Of the thread that makes it. Objects nest; each restores what was before.
class Autocast {
 public:
  // CheckPrecision holds.
  Autocast(Precision precision, const torch::Device& device);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  torch::DeviceType device_;
  bool was_enabled_;
  torch::ScalarType former_type_;
};

// Allows TF32, or forbids it, in the whole process, backward passes included; what was before the
// first is restored after the last. Those of several threads may overlap as long as they ask for
// the same; of those that nest, the inner one counts. Nothing on a CPU.
class Tf32Scope {
 public:
  explicit Tf32Scope(bool allowed);
  ~Tf32Scope();
  Tf32Scope(const Tf32Scope&) = delete;
  Tf32Scope& operator=(const Tf32Scope&) = delete;

 private:
  const bool allowed_;
};

}  // namespace vizsla
