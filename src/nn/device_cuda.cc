// What device_stream.h, device_graph.h and device_mask.h promise, on CUDA.
#include <ATen/core/CachingHostAllocator.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "src/base/check.h"
#include "src/base/log.h"
#include "src/base/str_cat.h"
#include "src/nn/device_graph.h"
#include "src/nn/device_mask.h"
#include "src/nn/device_stream.h"
#include "src/nn/dropout_mask.h"
#include "src/nn/random_fill.h"

namespace vizsla {
namespace {

using c10::cuda::CUDAStream;

// One stream of a GPU, and where the recordings of its work keep their memory.
struct StreamEntry {
  explicit StreamEntry(CUDAStream stream) : stream(stream) {}

  CUDAStream stream;
  bool taken = false;
  // Of the thread that has taken it. One pool for all recordings of a stream: they are replayed one
  // after another, so that what one needs in between may lie where another's does, and what a
  // dead one leaves is the next one's.
  at::MempoolId_t pool = {0, 0};
  std::unique_ptr<at::cuda::CUDAGraph> keeper;  // keeps the pool; null before the first recording
  uint64_t pool_bytes = 0;                      // about
};

// The first free one is taken, so that a trial finds the memory that LibTorch keeps for the stream
// of the trial before it.
class Streams {
 public:
  StreamEntry& Take(c10::DeviceIndex device) {
    const std::lock_guard lock(mutex_);
    for (const auto& entry : entries_) {
      if (entry->taken || entry->stream.device_index() != device) continue;
      entry->taken = true;
      return *entry;
    }
    // LibTorch gives out the first one again.
    TORCH_CHECK(entries_.size() < kMostDeviceStreams, "more than ", kMostDeviceStreams,
                " trials at once on a GPU");
    entries_.push_back(std::make_unique<StreamEntry>(
        c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device)));
    entries_.back()->taken = true;
    return *entries_.back();
  }
  void GiveBack(StreamEntry& entry) {
    const std::lock_guard lock(mutex_);
    entry.taken = false;
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<StreamEntry>> entries_;  // guarded by mutex_
};

Streams& AllStreams() {
  static auto* const streams = new Streams;  // outlives threads that end after main
  return *streams;
}

// The stream that this thread has taken.
thread_local StreamEntry* own_stream = nullptr;
thread_local bool recording = false;

// Recordings begin, end and go one at a time: LibTorch keeps account of them in a set without a
// lock, and frees no memory while one is being made.
std::recursive_mutex& Turns() {
  static auto* const turns = new std::recursive_mutex;
  return *turns;
}

constexpr auto kAllMemory = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);

void CheckIsThere(const torch::Device& device) {
  const int count = c10::cuda::device_count();
  TORCH_CHECK(device.index() < count, "there is no ", device, ": CUDA shows this process ", count,
              count == 1 ? " GPU" : " GPUs");
}

void WarnUnrecorded(std::string reason) {
  // CUDA's errors go on with advice for its programmers.
  reason = reason.substr(0, reason.find('\n'));
  log::warn(
      "a GPU's work could not be recorded ({}): it is asked for piece by piece, which is "
      "slower and gives the same results",
      reason);
}

// Ends what is left of a capture that failed, so that later work finds LibTorch's allocators as
// before. Each of them may have got to the end by itself.
void AbandonCapture(const torch::Device& device, at::MempoolId_t pool) {
  (void)cudaGetLastError();
  try {
    c10::cuda::CUDACachingAllocator::endAllocateToPool(device.index(), pool);
    c10::cuda::CUDACachingAllocator::releasePool(device.index(), pool);
  } catch (const std::exception&) {
  }
  try {
    at::getHostAllocator(at::kCUDA)->end_allocate_to_pool(pool);
    at::getHostAllocator(at::kCUDA)->release_pool(pool);
  } catch (const std::exception&) {
  }
}

// Throws; nothing is left of it then. Other threads go on with whatever they do meanwhile.
std::unique_ptr<at::cuda::CUDAGraph> Capture(const torch::Device& device, at::MempoolId_t pool,
                                             const std::function<void()>& work) {
  auto graph = std::make_unique<at::cuda::CUDAGraph>();
  std::exception_ptr failure;
  try {
    graph->capture_begin(pool, cudaStreamCaptureModeThreadLocal);
    recording = true;
    try {
      work();
    } catch (...) {
      failure = std::current_exception();
    }
    recording = false;
    graph->capture_end();
  } catch (...) {
    recording = false;
    AbandonCapture(device, pool);
    if (failure == nullptr) failure = std::current_exception();
  }
  if (failure != nullptr) std::rethrow_exception(failure);
  return graph;
}

class CudaGraph final : public DeviceGraph {
 public:
  CudaGraph(const torch::Device& device, std::unique_ptr<at::cuda::CUDAGraph> graph)
      : device_(device), graph_(std::move(graph)) {}
  ~CudaGraph() override {
    // It may be running.
    C10_CUDA_IGNORE_ERROR(cudaStreamSynchronize(c10::cuda::getCurrentCUDAStream(device_.index())));
    const std::lock_guard turn(Turns());
    graph_.reset();
  }

  void Replay() override { graph_->replay(); }

 private:
  const torch::Device device_;
  std::unique_ptr<at::cuda::CUDAGraph> graph_;
};

// What the work took at its peak besides what is there now.
uint64_t WatchedMemory(const torch::Device& device) {
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(device.index());
  const auto& allocated = stats.allocated_bytes[kAllMemory];
  return static_cast<uint64_t>(std::max<int64_t>(0, allocated.peak - allocated.current));
}

int64_t ReservedMemory(const torch::Device& device) {
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(device.index());
  return stats.reserved_bytes[kAllMemory].current;
}

std::unique_ptr<DeviceGraph> RecordInOwnStream(const torch::Device& device,
                                               const std::function<void()>& work) {
  StreamEntry& own = *own_stream;
  const uint64_t needed = WatchedMemory(device);
  if (needed > own.pool_bytes && FreeDeviceBytes(device) / 2 < needed) {
    WarnUnrecorded(StrCat("it takes ", needed >> 20, " MiB, and less than twice as much is free"));
    return nullptr;
  }
  const c10::cuda::CUDAGuard guard(device);
  const int64_t before = ReservedMemory(device);
  if (own.keeper == nullptr) {
    own.pool = at::cuda::graph_pool_handle();
    torch::Tensor anything;
    own.keeper = Capture(device, own.pool, [&] { anything = torch::zeros({1}, device); });
  }
  auto graph = std::make_unique<CudaGraph>(device, Capture(device, own.pool, work));
  own.pool_bytes += static_cast<uint64_t>(std::max<int64_t>(0, ReservedMemory(device) - before));
  return graph;
}

}  // namespace

struct DeviceStream::Impl {
  explicit Impl(const torch::Device& device)
      : entry(AllStreams().Take(device.index())), guard(entry.stream), former(own_stream) {
    own_stream = &entry;
  }
  ~Impl() {
    own_stream = former;
    AllStreams().GiveBack(entry);
  }

  StreamEntry& entry;
  c10::cuda::CUDAStreamGuard guard;
  StreamEntry* const former;
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
  C10_CUDA_IGNORE_ERROR(cudaStreamSynchronize(impl_->entry.stream.stream()));
}

void WaitForCurrentStream(const torch::Device& device) {
  if (!device.is_cuda()) return;
  c10::cuda::getCurrentCUDAStream(device.index()).synchronize();
}

void GiveBackDeviceMemory(const torch::Device& device) {
  if (!device.is_cuda()) return;
  const std::lock_guard turn(Turns());
  c10::cuda::CUDACachingAllocator::emptyCache();
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

void DeviceGraph::WatchMemory(const torch::Device& device) {
  if (device.is_cuda()) c10::cuda::CUDACachingAllocator::resetPeakStats(device.index());
}

std::unique_ptr<DeviceGraph> DeviceGraph::Record(const torch::Device& device,
                                                 const std::function<void()>& work) {
  if (!device.is_cuda()) return nullptr;
  const std::lock_guard turn(Turns());
  try {
    TORCH_CHECK(own_stream != nullptr, "this thread has no stream of its own");
    return RecordInOwnStream(device, work);
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
  const DropoutRule rule(rate);
  const c10::cuda::CUDAGuard guard(mask.device());
  C10_CUDA_CHECK(LaunchDropoutMask(
      {.key = key.defined() ? reinterpret_cast<const uint64_t*>(key.data_ptr<int64_t>()) : nullptr,
       .key_value = key_value,
       .first_row = static_cast<uint64_t>(first_row),
       .rows = mask.numel() / row_size,
       .row_size = row_size,
       .threshold = rule.threshold,
       .kept = rule.kept,
       .mask = mask.data_ptr<float>(),
       .stream = c10::cuda::getCurrentCUDAStream(mask.device().index()).stream()}));
}

}  // namespace vizsla
