#include "src/comm/stream_watch.h"

#include <algorithm>
#include <utility>

#include "src/comm/nccl_errors.h"

namespace vizsla {
namespace {

constexpr std::chrono::milliseconds kPeriod{50};

}  // namespace

StreamWatch::StreamWatch(Options options)
    : options_(std::move(options)), thread_([this] { Run(); }) {}

StreamWatch::~StreamWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
  for (const Pending& pending : pending_) cudaEventDestroy(pending.done);
  for (const cudaEvent_t event : spare_) cudaEventDestroy(event);
}

absl::Status StreamWatch::Mark(cudaStream_t stream, const std::vector<cudaStream_t>& waiting) {
  const std::lock_guard lock(mutex_);
  if (spare_.empty()) {
    cudaEvent_t event = nullptr;
    VIZSLA_RETURN_IF_ERROR(
        CudaStatus(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "create an event"));
    spare_.push_back(event);
  }
  const cudaEvent_t done = spare_.back();
  VIZSLA_RETURN_IF_ERROR(CudaStatus(cudaEventRecord(done, stream), "record an event"));
  spare_.pop_back();
  pending_.push_back({done, Clock::now()});
  wake_.notify_all();
  for (const cudaStream_t other : waiting) {
    VIZSLA_RETURN_IF_ERROR(CudaStatus(cudaStreamWaitEvent(other, done, 0), "wait for an event"));
  }
  return absl::OkStatus();
}

void StreamWatch::Run() {
  cudaSetDevice(options_.device);
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !pending_.empty(); });
      if (wake_.wait_for(lock, kPeriod, [this] { return stopping_; })) return;
    }
    bool is_idle = false;
    Clock::time_point oldest;
    absl::Status status = Sweep(is_idle, oldest);
    if (status.ok() && is_idle) continue;
    if (status.ok()) status = options_.check();
    if (status.ok()) status = CheckDeadline(oldest);
    if (status.ok()) continue;
    options_.give_up(status);
    return;
  }
}

absl::Status StreamWatch::Sweep(bool& is_idle, Clock::time_point& oldest) {
  const std::lock_guard lock(mutex_);
  while (!pending_.empty()) {
    const cudaError_t state = cudaEventQuery(pending_.front().done);
    if (state == cudaErrorNotReady) {
      (void)cudaGetLastError();  // no error, but CUDA keeps it for whoever asks next
      oldest = pending_.front().since;
      return absl::OkStatus();
    }
    VIZSLA_RETURN_IF_ERROR(CudaStatus(state, "all-reduce (sum)"));
    spare_.push_back(pending_.front().done);
    pending_.pop_front();
    // The host may be many steps ahead of the GPU: the next one's time begins now.
    if (!pending_.empty()) pending_.front().since = std::max(pending_.front().since, Clock::now());
  }
  is_idle = true;
  return absl::OkStatus();
}

absl::Status StreamWatch::CheckDeadline(Clock::time_point oldest) const {
  if (options_.deadline.count() == 0 || Clock::now() - oldest <= options_.deadline) {
    return absl::OkStatus();
  }
  return absl::DeadlineExceededError(StrCat("an all-reduce (sum) was not finished within ",
                                            options_.deadline.count(),
                                            " ms: another rank is dead or hangs"));
}

}  // namespace vizsla
