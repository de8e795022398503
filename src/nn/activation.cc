#include "src/nn/activation.h"

#include <utility>

#include "src/base/check.h"
#include "src/nn/autocast.h"

namespace vizsla {
namespace {

torch::Tensor Relu6(torch::Tensor x, bool in_place) {
  // LibTorch 1.13's backward pass on a CPU knows no lower types.
  if (TORCH_VERSION_MAJOR < 2 && IsLow(x) && x.is_cpu() && torch::GradMode::is_enabled()) {
    return torch::hardtanh(Widened(x), 0, 6).to(x.scalar_type());
  }
  return in_place ? torch::hardtanh_(x, 0, 6) : torch::hardtanh(x, 0, 6);
}

}  // namespace

torch::Tensor Activate(Activation activation, torch::Tensor x, bool in_place) {
  switch (activation) {
    case Activation::kRelu:
      return in_place ? torch::relu_(x) : torch::relu(x);
    case Activation::kRelu6:
      return Relu6(std::move(x), in_place);
    case Activation::kSilu:
      return in_place && !torch::GradMode::is_enabled() ? torch::silu_(x) : torch::silu(x);
    case Activation::kSigmoid:
      return torch::sigmoid(x);
  }
  VIZSLA_CHECK(false);
}

}  // namespace vizsla
