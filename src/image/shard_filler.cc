#include "src/image/shard_filler.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>
#include <utility>

#include "src/base/file.h"
#include "src/base/log.h"
#include "src/dataset/parallel.h"
#include "src/dataset/text.h"
#include "src/image/decode_into.h"

namespace vizsla {
namespace {

// Small enough that several ranks share the work evenly and that little is lost with a dead one;
// large enough that marks and locks cost nothing beside decoding.
constexpr uint32_t kPhotosPerShard = 64;
constexpr std::chrono::milliseconds kWaitForOthers{20};

}  // namespace

ShardFiller::ShardFiller(const Job& job)
    : job_(job),
      photo_bytes_(DecodedBytes(1, job.image_size)),
      shards_((job.photos.size() + kPhotosPerShard - 1) / kPhotosPerShard) {
  const auto photos = static_cast<uint32_t>(job_.photos.size());
  for (uint32_t i = 0; i < shards_.size(); ++i) {
    shards_[i].first = i * kPhotosPerShard;
    shards_[i].count = std::min(kPhotosPerShard, photos - shards_[i].first);
  }
}

absl::StatusOr<std::vector<BrokenPhoto>> ShardFiller::Run(int threads) {
  const size_t workers = std::min(shards_.size(), static_cast<size_t>(std::max(threads, 1)));
  ParallelFor(workers, threads, [this](size_t) { WorkOnShards(); });
  if (failed_) return status_;
  std::vector<BrokenPhoto> broken;
  for (const Shard& shard : shards_) {
    broken.insert(broken.end(), shard.broken.begin(), shard.broken.end());
  }
  return broken;
}

void ShardFiller::WorkOnShards() {
  for (;;) {
    bool all_whole = true;
    bool advanced = false;
    for (size_t i = 0; i < shards_.size() && !Over(); ++i) {
      Shard& shard = shards_[i];
      auto expected = ShardState::kOpen;
      if (!shard.state.compare_exchange_strong(expected, ShardState::kTaken)) {
        all_whole &= expected == ShardState::kWhole;
        continue;
      }
      const absl::StatusOr<bool> whole = WorkOnShard(i);
      if (!whole.ok()) Fail(whole.status());
      const bool is_whole = whole.ok() && *whole;
      shard.state = is_whole ? ShardState::kWhole : ShardState::kOpen;
      advanced |= is_whole;
      all_whole &= is_whole;
    }
    if (all_whole || Over()) return;
    if (!advanced) std::this_thread::sleep_for(kWaitForOthers);
  }
}

absl::StatusOr<bool> ShardFiller::WorkOnShard(size_t shard) {
  if (ReadMark(shard)) {
    AddDone(shards_[shard].count);
    return true;
  }
  VIZSLA_ASSIGN_OR_RETURN(const auto lock, FileLock::TryAcquire(PathOf(shard, "lock")));
  if (!lock) return false;
  // It may have become whole between the look and the lock.
  if (ReadMark(shard)) {
    AddDone(shards_[shard].count);
    return true;
  }
  if (const std::string mark = PathOf(shard, "done"); std::filesystem::exists(mark)) {
    log::warn("{}: the mark does not fit its pixels; the shard is decoded again", mark);
  }
  VIZSLA_RETURN_IF_ERROR(FillShard(shard));
  return true;
}

bool ShardFiller::ReadMark(size_t number) {
  Shard& shard = shards_[number];
  const absl::StatusOr<std::string> text = ReadFile(PathOf(number, "done"));
  if (!text.ok()) return false;
  absl::StatusOr<ShardMark> mark = ShardMarkFromJsonText(*text);
  const bool fits = mark.ok() && mark->key == job_.key && mark->first == shard.first &&
                    mark->count == shard.count &&
                    mark->checksum == PixelChecksum(PixelsOf(shard.first, shard.count)) &&
                    std::all_of(mark->broken.begin(), mark->broken.end(), [&](const auto& broken) {
                      return broken.photo - shard.first < shard.count;
                    });
  if (!fits) return false;
  shard.broken = std::move(mark->broken);
  return true;
}

absl::Status ShardFiller::FillShard(size_t number) {
  Shard& shard = shards_[number];
  shard.broken.clear();
  for (uint32_t i = 0; i < shard.count && !Over(); ++i) {
    const uint32_t photo = shard.first + i;
    VIZSLA_ASSIGN_OR_RETURN(DecodedPhoto decoded, DecodeInto(*job_.photos[photo], *job_.reader,
                                                             job_.image_size, PixelsOf(photo, 1)));
    if (decoded.broken) {
      shard.broken.push_back({photo, {Printable(job_.photos[photo]->path), *decoded.broken}});
    }
    AddDone(1);
  }
  if (failed_) return absl::CancelledError("another thread failed");
  const ShardMark mark{job_.key, shard.first, shard.count,
                       PixelChecksum(PixelsOf(shard.first, shard.count)), shard.broken};
  return WriteFileAtomically(PathOf(number, "done"), ToJsonText(mark));
}

std::span<uint8_t> ShardFiller::PixelsOf(uint32_t first, uint32_t count) const {
  return job_.pixels.subspan(first * photo_bytes_, count * photo_bytes_);
}

std::string ShardFiller::PathOf(size_t shard, std::string_view ending) const {
  char number[16];
  std::snprintf(number, sizeof(number), "%05zu", shard);
  return StrCat(job_.folder, "/", number, ".", ending);
}

void ShardFiller::AddDone(size_t photos) {
  if (job_.progress == nullptr || !*job_.progress) return;
  const std::lock_guard lock(mutex_);
  done_ += photos;
  (*job_.progress)(done_, job_.photos.size());
}

bool ShardFiller::Over() {
  if (!failed_ && job_.cancelled != nullptr && *job_.cancelled && (*job_.cancelled)()) {
    Fail(absl::CancelledError("decoding was interrupted"));
  }
  return failed_;
}

void ShardFiller::Fail(absl::Status status) {
  const std::lock_guard lock(mutex_);
  if (!failed_.exchange(true)) status_ = std::move(status);
}

}  // namespace vizsla
