// Watches over work of a GPU that no thread waits for.
#pragma once

#include <cuda_runtime_api.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "src/base/status.h"

namespace vizsla {

class StreamWatch {
 public:
  struct Options {
    int device = 0;
    // Of what is marked, from then on or from the end of what was marked before; zero: never.
    std::chrono::milliseconds deadline{0};
    // Called now and then while something is under way; ok: no reason to give up.
    std::function<absl::Status()> check;
    // Called once: what `check` said, or DeadlineExceeded, or CUDA's error. Nothing is watched from
    // then on.
    std::function<void(const absl::Status&)> give_up;
  };
  // Both functions are called on the watch's thread, which holds no lock meanwhile.
  explicit StreamWatch(Options options);
  ~StreamWatch();  // does not wait for the GPU
  StreamWatch(const StreamWatch&) = delete;
  StreamWatch& operator=(const StreamWatch&) = delete;

  // What the stream has been given so far is watched from now on, and `waiting` goes on only after
  // it. Thread-safe; the current device must be the watch's.
  absl::Status Mark(cudaStream_t stream, const std::vector<cudaStream_t>& waiting);

 private:
  using Clock = std::chrono::steady_clock;
  struct Pending {
    cudaEvent_t done = nullptr;
    Clock::time_point since;
  };

  void Run();
  // Forgets what is done; sets the time of the oldest that is not, or nothing is left.
  absl::Status Sweep(bool& is_idle, Clock::time_point& oldest);
  absl::Status CheckDeadline(Clock::time_point oldest) const;

  const Options options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Pending> pending_;     // guarded by mutex_, in the stream's order
  std::vector<cudaEvent_t> spare_;  // guarded by mutex_
  bool stopping_ = false;           // guarded by mutex_
  std::thread thread_;
};

}  // namespace vizsla
