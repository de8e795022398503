// An open file, socket or pipe end by its number.
#pragma once

#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace vizsla {

// Owns it: closed at the end of life, or when another is moved there. Moving leaves -1, which is
// none. Not thread-safe.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd)
      : fd_(fd) {}  // what open() and its like return: -1 when they fail
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    const int fd = std::exchange(other.fd_, -1);
    Close();
    fd_ = fd;
    return *this;
  }
  ~FileDescriptor() { Close(); }

  bool is_open() const { return fd_ >= 0; }
  int get() const { return fd_; }
  // Leaves errno as it was.
  void Close() {
    if (fd_ < 0) return;
    const int error = errno;
    ::close(std::exchange(fd_, -1));
    errno = error;
  }

 private:
  int fd_ = -1;
};

// flock(2), again when a signal interrupts it. 0, or errno: EWOULDBLOCK when somebody else has the
// lock and `operation` says LOCK_NB.
inline int Flock(const FileDescriptor& file, int operation) {
  int result;
  do {
    result = ::flock(file.get(), operation);
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

}  // namespace vizsla
