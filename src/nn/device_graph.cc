#include "src/nn/device_graph.h"

#include <cstring>

namespace vizsla {
namespace {

constexpr size_t kMostRecordings = 2;

}  // namespace

bool IsOutOfMemory(const c10::Error& error) {
  // LibTorch's own allocator, or CUDA's when it loads a graph onto the card.
  return std::strstr(error.what_without_backtrace(), "out of memory") != nullptr;
}

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
  if (!recording.failed) {
    try {
      if (recording.graph == nullptr) {
        recording.graph = DeviceGraph::Record(x.device(), [&] {
          recording.input = torch::empty_like(x);
          recording.output = function_(recording.input);
        });
      }
      if (recording.graph != nullptr) {
        recording.input.copy_(x);
        recording.graph->Replay();
        return recording.output;
      }
    } catch (const c10::Error& error) {
      if (!IsOutOfMemory(error)) throw;
    }
    recording = Recording();
    recording.failed = true;
  }
  return function_(x);
}

}  // namespace vizsla
