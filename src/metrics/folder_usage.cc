#include "src/metrics/folder_usage.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <filesystem>

namespace vizsla {

FolderUsage MeasureFolder(const std::string& folder) {
  FolderUsage usage;
  std::error_code error;
  std::filesystem::recursive_directory_iterator entry(folder, error);
  for (const std::filesystem::recursive_directory_iterator end; !error && entry != end;
       entry.increment(error)) {
    struct stat info {};
    if (::lstat(entry->path().c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    ++usage.files;
    usage.bytes += info.st_size;
  }
  return usage;
}

FolderUsage FolderUsageCache::Get() {
  std::lock_guard lock(mutex_);  // held while walking: who comes meanwhile wants the same
  const auto now = std::chrono::steady_clock::now();
  if (!usage_ || now - measured_at_ > max_age_) {
    usage_ = MeasureFolder(folder_);
    measured_at_ = now;
  }
  return *usage_;
}

std::optional<int64_t> FreeBytes(const std::string& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) return std::nullopt;
  return static_cast<int64_t>(info.f_bavail) * static_cast<int64_t>(info.f_frsize);
}

int64_t FileBytes(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_size : 0;
}

}  // namespace vizsla
