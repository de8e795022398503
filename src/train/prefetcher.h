// Renders the batches of an epoch on a thread of its own, a batch ahead of the training.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "src/base/status.h"
#include "src/dataset/batch_source.h"

namespace vizsla {

class Prefetcher {
 public:
  // Batches first .. last-1 in order; `views` names a batch's photos (may be none) and is called on
  // the prefetch thread, which has a batch rendered by `threads` threads. `source` outlives this
  // object.
  Prefetcher(const BatchSource& source, int64_t first, int64_t last,
             std::function<std::vector<PhotoView>(int64_t)> views, int threads = 1);
  // Stops the thread after the batch it is rendering; unread batches are dropped.
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  struct Batch {
    std::vector<PhotoView> views;
    std::vector<float> pixels;  // views.size() x 3 x S x S
  };
  // The next batch; blocks until it is rendered. Valid until the next call. An error of the source
  // ends the sequence. Call at most last - first times.
  absl::StatusOr<Batch*> Next();

 private:
  static constexpr size_t kSlots = 3;  // one in training, one ready, one being rendered
  void Render();
  absl::Status RenderBatch(int64_t number, Batch& batch);

  const BatchSource& source_;
  const int64_t first_;
  const int64_t last_;
  const std::function<std::vector<PhotoView>(int64_t)> views_;
  const int threads_;
  Batch slots_[kSlots];  // batch i lives in slot (i - first) % kSlots

  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t rendered_;       // guarded by mutex_: batches below it are ready
  int64_t taken_;          // guarded by mutex_: batches below it have been handed out
  absl::Status status_;    // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace vizsla
