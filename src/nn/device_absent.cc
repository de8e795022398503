// device_stream.h, device_graph.h and device_mask.h in a build without CUDA: there is no GPU.
#include "src/base/check.h"
#include "src/nn/device_graph.h"
#include "src/nn/device_mask.h"
#include "src/nn/device_stream.h"

namespace vizsla {

struct DeviceStream::Impl {};

DeviceStream::DeviceStream(const torch::Device&) {}
DeviceStream::~DeviceStream() = default;
void DeviceStream::Wait() {}

void WaitForCurrentStream(const torch::Device&) {}
void GiveBackDeviceMemory(const torch::Device&) {}
void* CurrentStream(const torch::Device&) { return nullptr; }
uint64_t FreeDeviceBytes(const torch::Device&) { return 0; }

void DeviceGraph::WatchMemory(const torch::Device&) {}
std::unique_ptr<DeviceGraph> DeviceGraph::Record(const torch::Device&,
                                                 const std::function<void()>&) {
  return nullptr;
}
void DeviceGraph::Allow(bool) {}
bool DeviceGraph::IsRecording() { return false; }

void DrawDropoutMaskOnDevice(const torch::Tensor&, uint64_t, int64_t, int64_t, double,
                             const torch::Tensor&) {
  VIZSLA_CHECK(false);
}

}  // namespace vizsla
