#include "src/nn/device_graph.h"

namespace vizsla {

torch::Tensor ReplayedFunction::operator()(const torch::Tensor& x) {
  if (!x.is_cuda() || !records_) return function_(x);
  if (graph_ != nullptr && input_.sizes() == x.sizes()) {
    return Replay(x);
  }
  if (x.sizes() != torch::IntArrayRef(last_sizes_)) {
    last_sizes_ = x.sizes().vec();
    return function_(x);
  }
  graph_.reset();
  output_ = torch::Tensor();
  graph_ = DeviceGraph::Record(x.device(), [&] {
    input_ = torch::empty_like(x);
    output_ = function_(input_);
  });
  if (graph_ == nullptr) {
    records_ = false;
    input_ = output_ = torch::Tensor();
    return function_(x);
  }
  return Replay(x);
}

torch::Tensor ReplayedFunction::Replay(const torch::Tensor& x) {
  input_.copy_(x);
  graph_->Replay();
  return output_;
}

}  // namespace vizsla
