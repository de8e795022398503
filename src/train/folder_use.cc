#include "src/train/folder_use.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <filesystem>
#include <utility>

namespace vizsla {
namespace {

std::string LockPath(const std::string& folder) { return folder + "/use.lock"; }

// Whether the open file is the one that has this path now.
bool IsAt(const FileDescriptor& file, const std::string& path) {
  struct stat opened, there;
  return ::fstat(file.get(), &opened) == 0 && ::stat(path.c_str(), &there) == 0 &&
         opened.st_dev == there.st_dev && opened.st_ino == there.st_ino;
}

uint64_t ReadPromise(const FileDescriptor& file) {
  std::array<char, 32> text{};
  const ssize_t length = ::pread(file.get(), text.data(), text.size(), 0);
  uint64_t bytes = 0;
  if (length > 0) std::from_chars(text.data(), text.data() + length, bytes);
  return bytes;
}

}  // namespace

absl::StatusOr<FolderUse> FolderUse::Hold(const std::string& folder) {
  const std::string path = LockPath(folder);
  for (;;) {
    VIZSLA_RETURN_IF_ERROR(CreateDirectories(folder));
    FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (!file.is_open()) {
      if (errno == ENOENT) continue;  // removed since
      return ErrnoStatus(errno, path, "open");
    }
    if (const int error = Flock(file, LOCK_SH); error != 0) {
      return ErrnoStatus(error, path, "flock");
    }
    if (!IsAt(file, path)) continue;  // removed while this process waited
    FolderUse use(std::move(file), path);
    use.Touch();
    return use;
  }
}

FolderUse::~FolderUse() {
  if (lock_.is_open()) Touch();
}

void FolderUse::Touch() const { ::futimens(lock_.get(), nullptr); }

uint64_t FolderUse::promised_bytes() const { return ReadPromise(lock_); }

absl::Status FolderUse::PromiseBytes(uint64_t bytes) const {
  // Of one length, so that a reader never sees half of it.
  const std::string text = StrCat(absl::Dec(bytes, absl::kZeroPad20), "\n");
  const ssize_t written = ::pwrite(lock_.get(), text.data(), text.size(), 0);
  if (written == static_cast<ssize_t>(text.size())) return absl::OkStatus();
  return ErrnoStatus(written < 0 ? errno : ENOSPC, path_, "write");
}

absl::StatusOr<bool> IsHeld(const std::string& folder) {
  const std::string path = LockPath(folder);
  const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file.is_open()) {
    if (errno == ENOENT) return false;
    return ErrnoStatus(errno, path, "open");
  }
  const int error = Flock(file, LOCK_EX | LOCK_NB);
  if (error == EWOULDBLOCK) return true;
  if (error != 0) return ErrnoStatus(error, path, "flock");
  return false;
}

uint64_t PromisedBytes(const std::string& folder) {
  const FileDescriptor file(::open(LockPath(folder).c_str(), O_RDONLY | O_CLOEXEC));
  return file.is_open() ? ReadPromise(file) : 0;
}

std::chrono::system_clock::time_point LastUse(const std::string& folder) {
  struct stat status {};
  if (::stat(LockPath(folder).c_str(), &status) != 0) ::stat(folder.c_str(), &status);
  return std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(
          std::chrono::seconds(status.st_mtim.tv_sec) +
          std::chrono::nanoseconds(status.st_mtim.tv_nsec)));
}

absl::StatusOr<bool> RemoveUnlessHeld(const std::string& folder) {
  static std::atomic<int> serial = 0;
  const std::string path = LockPath(folder);
  const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file.is_open()) {
    if (errno == ENOENT) return true;  // somebody else has removed it
    return ErrnoStatus(errno, path, "open");
  }
  const int error = Flock(file, LOCK_EX | LOCK_NB);
  if (error == EWOULDBLOCK) return false;
  if (error != 0) return ErrnoStatus(error, path, "flock");
  if (!IsAt(file, path)) return true;
  const std::string away = StrCat(folder, "-", ::getpid(), "-", serial++, kRemovedSuffix);
  if (::rename(folder.c_str(), away.c_str()) != 0) return ErrnoStatus(errno, folder, "rename");
  std::error_code failed;
  std::filesystem::remove_all(away, failed);
  if (failed) return ErrnoStatus(failed.value(), away, "remove");
  return true;
}

}  // namespace vizsla
