// A fixed number of threads that run handlers in the order in which they came.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace vizsla {

// Thread-safe. gRPC's own threads only hand over: a commit or a disk never holds them up.
class CallPool {
 public:
  explicit CallPool(int threads);
  ~CallPool();  // runs what is queued, then joins
  CallPool(const CallPool&) = delete;
  CallPool& operator=(const CallPool&) = delete;

  void Run(std::function<void()> task);  // the task must not throw

 private:
  void Work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;  // guarded by mutex_
  bool stopping_ = false;                    // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace vizsla
