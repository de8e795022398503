// What device_stream.h, device_graph.h and device_mask.h promise, on CUDA.
#include <ATen/core/CachingHostAllocator.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/version.h>

#include <algorithm>
#include <atomic>
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

struct StreamEntry {
  CUDAStream stream;
  bool taken = false;
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
    entries_.push_back(std::make_unique<StreamEntry>(StreamEntry{
        .stream = c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device), .taken = true}));
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

thread_local int streams_of_thread = 0;  // DeviceStream objects
thread_local bool recording = false;
std::atomic<bool> may_record = true;

// Later versions free cuBLAS's memory of a stream when a recording of it goes, under those that
// are left (https://github.com/pytorch/pytorch/issues/193402).
constexpr bool kMayRecord =
    TORCH_VERSION_MAJOR < 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR <= 11);

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

// Throws; nothing is left of it then but memory that LibTorch keeps. Other threads go on with
// whatever they do meanwhile. Each recording has a pool of its own: what several share would stay
// as long as any of them.
std::unique_ptr<at::cuda::CUDAGraph> Capture(const torch::Device& device,
                                             const std::function<void()>& work) {
  const at::MempoolId_t pool = at::cuda::graph_pool_handle();
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

// With the turn, after a recording has gone. LibTorch keeps the pools of dead ones, the host's part
// too, and uses them for nothing else before it is told to let go of all that it keeps.
void ReturnPoolsSometimes() {
  constexpr int kDeadRecordings = 16;
  static int dead = 0;
  if (++dead < kDeadRecordings) return;
  dead = 0;
  try {
    c10::cuda::CUDACachingAllocator::emptyCache();
    at::getHostAllocator(at::kCUDA)->empty_cache();
  } catch (const std::exception& error) {
    log::warn("a GPU's unused memory was not returned: {}", error.what());
  }
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
    ReturnPoolsSometimes();
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

// As much again as the recording keeps is left to what comes between replays, and a part of the
// card to other threads, for whom LibTorch frees nothing meanwhile.
bool HasRoom(const torch::Device& device, uint64_t needed) {
  size_t free = 0, total = 0;
  C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  return free / 2 >= needed && free - needed >= total / 16;
}

// With the turn.
std::unique_ptr<DeviceGraph> RecordNow(const torch::Device& device,
                                       const std::function<void()>& work) {
  const c10::cuda::CUDAGuard guard(device);
  const uint64_t needed = WatchedMemory(device);
  if (!HasRoom(device, needed)) {
    c10::cuda::CUDACachingAllocator::emptyCache();  // of trials before, and of their recordings
    if (!HasRoom(device, needed)) {
      WarnUnrecorded(StrCat("it takes ", needed >> 20, " MiB, and too little is free beside"));
      return nullptr;
    }
  }
  try {
    return std::make_unique<CudaGraph>(device, Capture(device, work));
  } catch (...) {
    // What it had taken is of no use to anything else.
    c10::cuda::CUDACachingAllocator::emptyCache();
    throw;
  }
}

}  // namespace

struct DeviceStream::Impl {
  explicit Impl(const torch::Device& device)
      : entry(AllStreams().Take(device.index())), guard(entry.stream) {
    ++streams_of_thread;
  }
  ~Impl() {
    --streams_of_thread;
    AllStreams().GiveBack(entry);
  }

  StreamEntry& entry;
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
  if (!device.is_cuda() || !kMayRecord || !may_record) return nullptr;
  const std::lock_guard turn(Turns());
  try {
    TORCH_CHECK(streams_of_thread > 0, "this thread has no stream of its own");
    return RecordNow(device, work);
  } catch (const c10::Error& error) {
    WarnUnrecorded(error.what_without_backtrace());
  } catch (const std::exception& error) {
    WarnUnrecorded(error.what());
  }
  return nullptr;
}

void DeviceGraph::Allow(bool allowed) { may_record = allowed; }

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
