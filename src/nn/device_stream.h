// Streams of a GPU: work of one stream is done in order, that of several side by side.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>

namespace vizsla {

// As many as LibTorch has.
inline constexpr int kMostDeviceStreams = 32;

// While it lives, what the thread that made it asks of the GPU goes to a stream that no other
// object has at the time: trials that train beside each other do not wait for each other, and what
// a stream is given can be recorded (device_graph.h). It ends on the thread that made it. On a CPU
// nothing. LibTorch's exceptions travel through the constructor, which refuses more than
// kMostDeviceStreams at a time.
class DeviceStream {
 public:
  explicit DeviceStream(const torch::Device& device);
  // Waits, for memory that the stream reads may be somebody else's.
  ~DeviceStream();
  DeviceStream(const DeviceStream&) = delete;
  DeviceStream& operator=(const DeviceStream&) = delete;

  // Until all is done that the stream has been given. A fault of the GPU is not told: whatever asks
  // for a result next tells it.
  void Wait();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;  // null on a CPU
};

// Until all is done that this thread's stream has been given. Nothing on a CPU. LibTorch's
// exceptions travel through.
void WaitForCurrentStream(const torch::Device& device);

// Gives back what LibTorch keeps of the GPU's memory without using it; waits for the GPU, and for
// recordings that are being made. For when memory has run out (while one is being made, LibTorch
// does not do it by itself), or when FreeDeviceBytes is asked for. Nothing on a CPU.
void GiveBackDeviceMemory(const torch::Device& device);

// The stream of this thread, as a transport wants it: a cudaStream_t. Null is CUDA's default
// stream, and what there is on a CPU.
void* CurrentStream(const torch::Device& device);

// Bytes of the GPU's memory that no process holds. 0 on a CPU.
uint64_t FreeDeviceBytes(const torch::Device& device);

}  // namespace vizsla
