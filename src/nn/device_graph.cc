#include "src/nn/device_graph.h"

namespace vizsla {
namespace {

constexpr size_t kMostRecordings = 2;

}  // namespace

torch::Tensor ReplayedFunction::operator()(const torch::Tensor& x) {
  if (!x.is_cuda()) return function_(x);
  const auto [found, is_new] = recordings_.try_emplace(x.sizes().vec());
  Recording& recording = found->second;
  if (is_new) {
    if (recordings_.size() > kMostRecordings) {
      recordings_.erase(found);
    } else {
      DeviceGraph::WatchMemory(x.device());
    }
    return function_(x);
  }
  if (recording.failed) return function_(x);
  if (recording.graph == nullptr) {
    recording.graph = DeviceGraph::Record(x.device(), [&] {
      recording.input = torch::empty_like(x);
      recording.output = function_(recording.input);
    });
    if (recording.graph == nullptr) {
      recording = Recording();
      recording.failed = true;
      return function_(x);
    }
  }
  recording.input.copy_(x);
  recording.graph->Replay();
  return recording.output;
}

}  // namespace vizsla
