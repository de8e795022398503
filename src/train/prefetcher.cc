#include "src/train/prefetcher.h"

#include <utility>

namespace vizsla {

Prefetcher::Prefetcher(const BatchSource& source, int64_t first, int64_t last,
                       std::function<std::vector<PhotoView>(int64_t)> views)
    : source_(source),
      first_(first),
      last_(last),
      views_(std::move(views)),
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

void Prefetcher::Render() {
  const size_t image_floats =
      3 * static_cast<size_t>(source_.image_size()) * static_cast<size_t>(source_.image_size());
  for (int64_t i = first_; i < last_; ++i) {
    {
      std::unique_lock lock(mutex_);
      // The batch handed out last is still being read.
      changed_.wait(lock,
                    [&] { return stopping_ || i - taken_ + 1 < static_cast<int64_t>(kSlots); });
      if (stopping_) return;
    }
    Batch& batch = slots_[static_cast<size_t>(i - first_) % kSlots];
    batch.views = views_(i);
    batch.pixels.resize(batch.views.size() * image_floats);
    absl::Status status;
    if (!batch.views.empty()) status = source_.Fill(batch.views, batch.pixels.data());
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
