#include "src/nn/initialization.h"

#include <cmath>

#include "src/nn/random_fill.h"

namespace vizsla {
namespace {

int64_t ReceptiveField(const torch::Tensor& weight) {
  return weight.dim() == 4 ? weight.size(2) * weight.size(3) : 1;
}

// Numbers stand in the order of the shape, whatever the tensor's memory format.
template <typename Fill>
void FillInOrder(torch::Tensor& weight, const Fill& fill) {
  const torch::NoGradGuard no_gradients;
  torch::Tensor values = torch::empty(weight.sizes(), torch::kFloat32);
  fill(std::span(values.data_ptr<float>(), static_cast<size_t>(values.numel())));
  weight.copy_(values);
}

}  // namespace

void InitializeGlorotUniform(torch::Tensor weight, const StreamKey& key) {
  const double fans =
      static_cast<double>((weight.size(0) + weight.size(1)) * ReceptiveField(weight));
  const float limit = static_cast<float>(std::sqrt(6 / fans));
  FillInOrder(weight, [&](std::span<float> values) { FillUniform(key, -limit, limit, values); });
}

void InitializeKaimingNormal(torch::Tensor weight, const StreamKey& key) {
  const double fan_out = static_cast<double>(weight.size(0) * ReceptiveField(weight));
  const float deviation = static_cast<float>(std::sqrt(2 / fan_out));
  FillInOrder(weight, [&](std::span<float> values) { FillNormal(key, deviation, values); });
}

}  // namespace vizsla
