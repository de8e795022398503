#include "src/train/folder_use.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <filesystem>
#include <utility>

#include "src/base/file.h"

namespace vizsla {
namespace {

std::string LockPath(const std::string& folder) { return folder + "/use.lock"; }

class OpenFile {
 public:
  explicit OpenFile(int fd) : fd_(fd) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// 0, or errno.
int Lock(int fd, int operation) {
  int result;
  do {
    result = ::flock(fd, operation);
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

// Whether the open file is the one that has this path now.
bool IsAt(int fd, const std::string& path) {
  struct stat opened, there;
  return ::fstat(fd, &opened) == 0 && ::stat(path.c_str(), &there) == 0 &&
         opened.st_dev == there.st_dev && opened.st_ino == there.st_ino;
}

uint64_t ReadPromise(int fd) {
  std::array<char, 32> text{};
  const ssize_t length = ::pread(fd, text.data(), text.size(), 0);
  uint64_t bytes = 0;
  if (length > 0) std::from_chars(text.data(), text.data() + length, bytes);
  return bytes;
}

}  // namespace

absl::StatusOr<FolderUse> FolderUse::Hold(const std::string& folder) {
  const std::string path = LockPath(folder);
  for (;;) {
    VIZSLA_RETURN_IF_ERROR(CreateDirectories(folder));
    OpenFile file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (file.get() < 0) {
      if (errno == ENOENT) continue;  // removed since
      return ErrnoStatus(errno, path, "open");
    }
    if (const int error = Lock(file.get(), LOCK_SH); error != 0) {
      return ErrnoStatus(error, path, "flock");
    }
    if (!IsAt(file.get(), path)) continue;  // removed while this process waited
    FolderUse use(file.Release());
    use.Touch();
    return use;
  }
}

FolderUse::FolderUse(FolderUse&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FolderUse& FolderUse::operator=(FolderUse&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FolderUse::~FolderUse() {
  if (fd_ < 0) return;
  Touch();
  ::close(fd_);
}

void FolderUse::Touch() const { ::futimens(fd_, nullptr); }

uint64_t FolderUse::promised_bytes() const { return ReadPromise(fd_); }

absl::Status FolderUse::PromiseBytes(uint64_t bytes) const {
  // Of one length, so that a reader never sees half of it.
  const std::string text = StrCat(absl::Dec(bytes, absl::kZeroPad20), "\n");
  if (::pwrite(fd_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return ErrnoStatus(errno, "use.lock", "write");
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> IsHeld(const std::string& folder) {
  const std::string path = LockPath(folder);
  const OpenFile file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (file.get() < 0) {
    if (errno == ENOENT) return false;
    return ErrnoStatus(errno, path, "open");
  }
  const int error = Lock(file.get(), LOCK_EX | LOCK_NB);
  if (error == EWOULDBLOCK) return true;
  if (error != 0) return ErrnoStatus(error, path, "flock");
  return false;
}

uint64_t PromisedBytes(const std::string& folder) {
  const OpenFile file(::open(LockPath(folder).c_str(), O_RDONLY | O_CLOEXEC));
  return file.get() < 0 ? 0 : ReadPromise(file.get());
}

absl::StatusOr<bool> RemoveUnlessHeld(const std::string& folder) {
  static std::atomic<int> serial = 0;
  const std::string path = LockPath(folder);
  const OpenFile file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (file.get() < 0) {
    if (errno == ENOENT) return true;  // somebody else has removed it
    return ErrnoStatus(errno, path, "open");
  }
  const int error = Lock(file.get(), LOCK_EX | LOCK_NB);
  if (error == EWOULDBLOCK) return false;
  if (error != 0) return ErrnoStatus(error, path, "flock");
  if (!IsAt(file.get(), path)) return true;
  const std::string away = StrCat(folder, "-", ::getpid(), "-", serial++, kRemovedSuffix);
  if (::rename(folder.c_str(), away.c_str()) != 0) return ErrnoStatus(errno, folder, "rename");
  std::error_code failed;
  std::filesystem::remove_all(away, failed);
  if (failed) return ErrnoStatus(failed.value(), away, "remove");
  return true;
}

}  // namespace vizsla
