// What device_stream.h, device_graph.h and device_mask.h promise, on CUDA.
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <cmath>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/base/check.h"
#include "src/base/log.h"
#include "src/nn/device_graph.h"
#include "src/nn/device_mask.h"
#include "src/nn/device_stream.h"
#include "src/nn/dropout_mask.h"

namespace vizsla {
namespace {

using c10::cuda::CUDAStream;

// A process has one GPU. The first free stream, so that a trial finds the memory that LibTorch
// keeps for the stream of the trial before it.
class Streams {
 public:
  size_t Take(c10::DeviceIndex device) {
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < streams_.size(); ++i) {
      if (!streams_[i].taken && streams_[i].stream.device_index() == device) {
        streams_[i].taken = true;
        return i;
      }
    }
    streams_.push_back({c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device), true});
    return streams_.size() - 1;
  }
  CUDAStream stream(size_t number) {
    const std::lock_guard lock(mutex_);
    return streams_[number].stream;
  }
  void GiveBack(size_t number) {
    const std::lock_guard lock(mutex_);
    streams_[number].taken = false;
  }

 private:
  struct Entry {
    CUDAStream stream;
    bool taken = false;
  };
  std::mutex mutex_;
  std::vector<Entry> streams_;  // guarded by mutex_
};

Streams& AllStreams() {
  static auto* const streams = new Streams;  // outlives threads that end after main
  return *streams;
}

void CheckIsThere(const torch::Device& device) {
  const int count = c10::cuda::device_count();
  TORCH_CHECK(device.index() < count, "there is no ", device, ": CUDA shows this process ", count,
              count == 1 ? " GPU" : " GPUs");
}

thread_local bool recording = false;

void WarnUnrecorded(std::string reason) {
  // CUDA's errors go on with advice for its programmers.
  reason = reason.substr(0, reason.find('\n'));
  log::warn(
      "a GPU's work could not be recorded ({}): it is asked for piece by piece, which is "
      "slower and gives the same results",
      reason);
}

// A recording keeps memory of its own, about as much as the work has taken without it; as much
// again is left to what comes between replays.
bool HasRoomToRecord(const torch::Device& device) {
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(device.index());
  const auto kind = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return static_cast<uint64_t>(stats.reserved_bytes[kind].current) <= FreeDeviceBytes(device) / 2;
}

class CudaGraph final : public DeviceGraph {
 public:
  explicit CudaGraph(const torch::Device& device) : device_(device) {}
  ~CudaGraph() override {
    // It may be running.
    const c10::cuda::CUDAGuard guard(device_);
    C10_CUDA_IGNORE_ERROR(cudaStreamSynchronize(c10::cuda::getCurrentCUDAStream(device_.index())));
  }

  // Throws; nothing is left of it then.
  void RecordNow(const std::function<void()>& work) {
    const c10::cuda::CUDAGuard guard(device_);
    const auto pool = at::cuda::graph_pool_handle();
    // Other threads go on with whatever they do.
    graph_.capture_begin(pool, cudaStreamCaptureModeThreadLocal);
    recording = true;
    std::exception_ptr failure;
    try {
      work();
    } catch (...) {
      failure = std::current_exception();
    }
    recording = false;
    try {
      graph_.capture_end();
    } catch (...) {
      // The capture is over; the memory that goes to its pool is not.
      (void)cudaGetLastError();
      c10::cuda::CUDACachingAllocator::endAllocateToPool(device_.index(), pool);
      c10::cuda::CUDACachingAllocator::releasePool(device_.index(), pool);
      if (failure == nullptr) failure = std::current_exception();
    }
    if (failure != nullptr) std::rethrow_exception(failure);
  }

  void Replay() override { graph_.replay(); }

 private:
  const torch::Device device_;
  at::cuda::CUDAGraph graph_;
};

}  // namespace

struct DeviceStream::Impl {
  explicit Impl(const torch::Device& device)
      : number(AllStreams().Take(device.index())), guard(AllStreams().stream(number)) {}
  ~Impl() { AllStreams().GiveBack(number); }

  const size_t number;
  c10::cuda::CUDAStreamGuard guard;
};

DeviceStream::DeviceStream(const torch::Device& device) {
  if (!device.is_cuda()) return;
  const torch::Device chosen =
      device.has_index() ? device : torch::Device(torch::kCUDA, c10::cuda::current_device());
  CheckIsThere(chosen);
  impl_ = std::make_unique<Impl>(chosen);
}

DeviceStream::~DeviceStream() { Wait(); }

void DeviceStream::Wait() {
  if (impl_ == nullptr) return;
  C10_CUDA_IGNORE_ERROR(cudaStreamSynchronize(impl_->guard.current_stream().stream()));
}

void* CurrentStream(const torch::Device& device) {
  if (!device.is_cuda()) return nullptr;
  return c10::cuda::getCurrentCUDAStream(device.index()).stream();
}

uint64_t FreeDeviceBytes(const torch::Device& device) {
  if (!device.is_cuda()) return 0;
  const c10::cuda::CUDAGuard guard(device);
  size_t free = 0, total = 0;
  C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  return free;
}

std::unique_ptr<DeviceGraph> DeviceGraph::Record(const torch::Device& device,
                                                 const std::function<void()>& work) {
  static std::mutex turns;
  if (!device.is_cuda()) return nullptr;
  const std::lock_guard lock(turns);
  try {
    if (!HasRoomToRecord(device)) {
      WarnUnrecorded("its memory would not be there twice");
      return nullptr;
    }
    auto graph = std::make_unique<CudaGraph>(device);
    graph->RecordNow(work);
    return graph;
  } catch (const c10::Error& error) {
    WarnUnrecorded(error.what_without_backtrace());
  } catch (const std::exception& error) {
    WarnUnrecorded(error.what());
  }
  return nullptr;
}

bool DeviceGraph::IsRecording() { return recording; }

void DrawDropoutMaskOnDevice(const torch::Tensor& key, uint64_t key_value, int64_t first_row,
                             int64_t row_size, double rate, const torch::Tensor& mask) {
  VIZSLA_CHECK(mask.is_cuda() && mask.is_contiguous() && row_size > 0 &&
               mask.numel() % row_size == 0);
  const c10::cuda::CUDAGuard guard(mask.device());
  C10_CUDA_CHECK(LaunchDropoutMask(
      {.key = key.defined() ? reinterpret_cast<const uint64_t*>(key.data_ptr<int64_t>()) : nullptr,
       .key_value = key_value,
       .first_row = static_cast<uint64_t>(first_row),
       .rows = mask.numel() / row_size,
       .row_size = row_size,
       .threshold = static_cast<uint32_t>(std::lround(rate * 65536)),
       .kept = static_cast<float>(1 / (1 - rate)),
       .mask = mask.data_ptr<float>(),
       .stream = c10::cuda::getCurrentCUDAStream(mask.device().index()).stream()}));
}

}  // namespace vizsla
