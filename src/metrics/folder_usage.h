// How many bytes a folder's files take: found by walking it, which is not done at every scrape.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

namespace vizsla {

struct FolderUsage {
  int64_t files = 0;
  int64_t bytes = 0;
};

// Walks it now. Files that vanish meanwhile are left out; an absent folder is empty.
FolderUsage MeasureFolder(const std::string& folder);

// Thread-safe; one walk at a time.
class FolderUsageCache {
 public:
  FolderUsageCache(std::string folder, std::chrono::steady_clock::duration max_age)
      : folder_(std::move(folder)), max_age_(max_age) {}
  // At most `max_age` old.
  FolderUsage Get();

 private:
  const std::string folder_;
  const std::chrono::steady_clock::duration max_age_;
  std::mutex mutex_;
  std::optional<FolderUsage> usage_;                   // guarded by mutex_
  std::chrono::steady_clock::time_point measured_at_;  // guarded by mutex_
};

// Free for users of the file system that holds `path`; nullopt when it cannot be told.
std::optional<int64_t> FreeBytes(const std::string& path);

// 0 for a file that is not there.
int64_t FileBytes(const std::string& path);

}  // namespace vizsla
