#include "src/train/cache_budget.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "src/base/file.h"
#include "src/base/log.h"
#include "src/base/quantity.h"
#include "src/train/cache_eviction.h"

namespace vizsla {
namespace {

namespace fs = std::filesystem;

uint64_t BytesIn(const fs::path& folder) {
  uint64_t bytes = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    std::error_code gone;
    const uint64_t size = entry.file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

// Call with the budget's lock held.
absl::StatusOr<std::vector<CacheOnDisk>> Scan(const std::string& folder) {
  std::vector<CacheOnDisk> caches;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    std::error_code gone;
    if (!entry.is_directory(gone)) continue;
    const std::string path = entry.path().string();
    if (path.ends_with(kRemovedSuffix)) {
      fs::remove_all(entry.path(), gone);  // its remover has died, or is at it
      continue;
    }
    RemoveTemporaryFiles(path);
    CacheOnDisk cache;
    cache.name = entry.path().filename().string();
    cache.bytes = BytesIn(entry.path());
    cache.last_use = LastUse(path);
    cache.promised_bytes = PromisedBytes(path);
    VIZSLA_ASSIGN_OR_RETURN(cache.in_use, IsHeld(path));
    caches.push_back(std::move(cache));
  }
  if (error) return ErrnoStatus(error.value(), folder, "read");
  return caches;
}

absl::StatusOr<CacheRoom> RoomOf(const std::string& folder, const CacheBudget& budget) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (error) return ErrnoStatus(error.value(), folder, "statvfs");
  const uint64_t left_free = std::min<uint64_t>(space.capacity / 20, budget.most_left_free);
  return CacheRoom{.budget = budget.bytes,
                   .disk_free = space.available > left_free ? space.available - left_free : 0};
}

absl::Status NoRoom(const std::string& folder, uint64_t wanted, const EvictionPlan& plan,
                    const CacheRoom& room) {
  return absl::ResourceExhaustedError(StrCat(
      folder, " has no room for ", BytesText(wanted), ": caches in use, these included, take ",
      BytesText(plan.kept_used), " of a budget of ", BytesText(room.budget), ", the disk has ",
      BytesText(room.disk_free), " to give, and ", BytesText(plan.missing), " are missing"));
}

}  // namespace

void RemoveTemporaryFiles(const std::string& cache_folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(cache_folder, error)) {
    const std::string name = entry.path().filename().string();
    const size_t end = name.find(kTemporaryMark);
    if (end == std::string::npos) continue;
    const std::string shard = fs::path(name.substr(0, end)).stem().string();
    const auto lock = FileLock::TryAcquire(StrCat(cache_folder, "/", shard, ".lock"));
    std::error_code gone;
    if (lock.ok() && *lock) fs::remove(entry.path(), gone);
  }
}

absl::Status MakeRoom(const std::string& folder, std::span<const WantedCache> wanted,
                      const CacheBudget& budget) {
  VIZSLA_ASSIGN_OR_RETURN(const FileLock lock, FileLock::Acquire(folder + "/budget.lock"));
  for (;;) {
    VIZSLA_ASSIGN_OR_RETURN(std::vector<CacheOnDisk> caches, Scan(folder));
    bool grows = false;
    uint64_t all_wanted = 0;
    std::vector<uint64_t> promises(wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i) {
      all_wanted += wanted[i].bytes;
      promises[i] = std::max(wanted[i].bytes, wanted[i].use->promised_bytes());
      for (CacheOnDisk& cache : caches) {
        if (cache.name != wanted[i].name) continue;
        cache.promised_bytes = promises[i];
        grows |= cache.bytes < wanted[i].bytes;
      }
    }
    if (!grows) return absl::OkStatus();
    VIZSLA_ASSIGN_OR_RETURN(const CacheRoom room, RoomOf(folder, budget));
    const EvictionPlan plan = PlanEviction(caches, room);
    if (!plan.fits) return NoRoom(folder, all_wanted, plan, room);
    bool all_gone = true;
    for (const std::string& name : plan.goes) {
      VIZSLA_ASSIGN_OR_RETURN(const bool gone, RemoveUnlessHeld(StrCat(folder, "/", name)));
      if (gone) log::info("{}/{}: removed, it was the least recently used", folder, name);
      all_gone &= gone;
    }
    if (!all_gone) continue;  // somebody has just begun to use one
    for (size_t i = 0; i < wanted.size(); ++i) {
      VIZSLA_RETURN_IF_ERROR(wanted[i].use->PromiseBytes(promises[i]));
    }
    return absl::OkStatus();
  }
}

}  // namespace vizsla
