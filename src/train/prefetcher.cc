#include "src/train/prefetcher.h"

#include <exception>
#include <new>
#include <utility>

#include "src/dataset/fill_on_threads.h"

namespace vizsla {

Prefetcher::Prefetcher(const BatchSource& source, int64_t first, int64_t last,
                       std::function<std::vector<PhotoView>(int64_t)> views, int threads)
    : source_(source),
      first_(first),
      last_(last),
      views_(std::move(views)),
      threads_(threads),
      rendered_(first),
      taken_(first),
      thread_([this] { Render(); }) {}

Prefetcher::~Prefetcher() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

// An exception that leaves a thread ends the process; the trial alone is to end.
absl::Status Prefetcher::RenderBatch(int64_t number, Batch& batch) try {
  const auto side = static_cast<size_t>(source_.image_size());
  batch.views = views_(number);
  batch.pixels.resize(batch.views.size() * 3 * side * side);
  if (batch.views.empty()) return absl::OkStatus();
  return FillOnThreads(source_, batch.views, batch.pixels.data(), threads_);
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(
      StrCat("out of memory: a batch of ", batch.views.size(), " photos"));
} catch (const std::exception& error) {
  return absl::InternalError(error.what());
}

void Prefetcher::Render() {
  for (int64_t i = first_; i < last_; ++i) {
    {
      std::unique_lock lock(mutex_);
      // The batch handed out last is still being read.
      changed_.wait(lock,
                    [&] { return stopping_ || i - taken_ + 1 < static_cast<int64_t>(kSlots); });
      if (stopping_) return;
    }
    const absl::Status status = RenderBatch(i, slots_[static_cast<size_t>(i - first_) % kSlots]);
    {
      std::lock_guard lock(mutex_);
      if (status.ok()) rendered_ = i + 1;
      status_ = status;
    }
    changed_.notify_all();
    if (!status.ok()) return;
  }
}

absl::StatusOr<Prefetcher::Batch*> Prefetcher::Next() {
  std::unique_lock lock(mutex_);
  const int64_t next = taken_;
  if (next >= last_) return absl::OutOfRangeError("no more batches");
  // Handing out a batch gives the one before it back to the thread.
  taken_ = next + 1;
  changed_.notify_all();
  changed_.wait(lock, [&] { return rendered_ > next || !status_.ok(); });
  if (rendered_ <= next) return status_;
  return &slots_[static_cast<size_t>(next - first_) % kSlots];
}

}  // namespace vizsla
