#include "src/train/batch_statistics.h"

#include <algorithm>

namespace vizsla {

BatchStatistics::BatchStatistics(const NamedTensors& state) {
  for (const auto& [name, tensor] : state) {
    if (tensor.requires_grad()) continue;
    const auto type = tensor.scalar_type();
    auto kind = std::find_if(kinds_.begin(), kinds_.end(), [&](const Kind& known) {
      return known.tensors.front().scalar_type() == type;
    });
    if (kind == kinds_.end()) kind = kinds_.insert(kinds_.end(), Kind{});
    kind->tensors.push_back(tensor);
  }
}

void BatchStatistics::Remember() {
  const torch::NoGradGuard no_gradients;
  // If memory runs out here, an older copy must not come back.
  for (Kind& kind : kinds_) kind.copy.reset();
  for (Kind& kind : kinds_) {
    std::vector<torch::Tensor> flat;
    flat.reserve(kind.tensors.size());
    for (const torch::Tensor& tensor : kind.tensors) flat.push_back(tensor.reshape({-1}));
    kind.copy = torch::cat(flat);
  }
}

void BatchStatistics::Restore() {
  const torch::NoGradGuard no_gradients;
  for (Kind& kind : kinds_) {
    if (!kind.copy.defined()) continue;
    int64_t at = 0;
    for (torch::Tensor& tensor : kind.tensors) {
      tensor.copy_(kind.copy.narrow(0, at, tensor.numel()).view(tensor.sizes()));
      at += tensor.numel();
    }
  }
}

}  // namespace vizsla
