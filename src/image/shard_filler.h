// Fills the shards of one photo cache together with whoever else is filling it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "src/base/status.h"
#include "src/image/photo_cache.h"
#include "src/image/shard_mark.h"

namespace vizsla {

class ShardFiller {
 public:
  // What must outlive the filler: all of it. `pixels` is the mapped file, writable.
  struct Job {
    std::string folder;
    std::string key;
    std::span<const Photo* const> photos;
    const PhotoReader* reader = nullptr;
    int image_size = 0;
    std::span<uint8_t> pixels;
    const std::function<void(size_t, size_t)>* progress = nullptr;
    const std::function<bool()>* cancelled = nullptr;
  };

  explicit ShardFiller(const Job& job);

  // Blocks until every shard is whole, by this process or another; returns the broken photos of
  // all, in order. On an error the shards that are whole stay.
  absl::StatusOr<std::vector<BrokenPhoto>> Run(int threads);

 private:
  enum class ShardState : int { kOpen, kTaken, kWhole };  // as this process knows it
  struct Shard {
    uint32_t first = 0;
    uint32_t count = 0;
    std::atomic<ShardState> state{ShardState::kOpen};
    std::vector<BrokenPhoto> broken;  // valid when kWhole
  };

  void WorkOnShards();
  // True: the shard is whole now. False: another process is filling it.
  absl::StatusOr<bool> WorkOnShard(size_t shard);
  bool ReadMark(size_t shard);
  absl::Status FillShard(size_t shard);
  std::span<uint8_t> PixelsOf(uint32_t first, uint32_t count) const;
  std::string PathOf(size_t shard, std::string_view ending) const;
  void AddDone(size_t photos);
  // True when nothing is to be done any more; notices that the caller has cancelled.
  bool Over();
  void Fail(absl::Status status);

  Job job_;
  size_t photo_bytes_;
  std::vector<Shard> shards_;
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  size_t done_ = 0;      // guarded by mutex_
  absl::Status status_;  // guarded by mutex_; the first failure
};

}  // namespace vizsla
