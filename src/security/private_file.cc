#include "src/security/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "src/base/file.h"

namespace vizsla {
namespace {

constexpr size_t kLongest = 1 << 20;  // of a key, a certificate chain or a token file

absl::Status CheckPrivate(const std::string& path, const struct stat& info) {
  if (!S_ISREG(info.st_mode)) return absl::InvalidArgumentError(StrCat(path, " is no file"));
  if ((info.st_mode & 0077) != 0) {
    std::array<char, 8> mode{};
    std::snprintf(mode.data(), mode.size(), "%04o", info.st_mode & 07777);
    return absl::PermissionDeniedError(StrCat(path, " can be read or written by others (mode ",
                                              mode.data(), "); close it: chmod 600 ", path));
  }
  if (info.st_uid != ::geteuid() && info.st_uid != 0) {
    return absl::PermissionDeniedError(StrCat(path, " belongs to another user"));
  }
  return absl::OkStatus();
}

// Durable as soon as it is committed.
absl::StatusOr<std::unique_ptr<AtomicFileWriter>> WriteBeside(const std::string& path,
                                                              std::string_view bytes) {
  VIZSLA_ASSIGN_OR_RETURN(auto writer, AtomicFileWriter::Create(path, /*permissions=*/0600));
  VIZSLA_RETURN_IF_ERROR(writer->Append(bytes));
  return writer;
}

}  // namespace

absl::StatusOr<std::string> ReadPrivateFile(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return ErrnoStatus(errno, path, "open");
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return ErrnoStatus(errno, path, "stat");
  VIZSLA_RETURN_IF_ERROR(CheckPrivate(path, info));
  std::string text;
  std::array<char, 4096> piece;
  for (;;) {
    const ssize_t got = ::read(file.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(errno, path, "read");
    if (got == 0) return text;
    text.append(piece.data(), static_cast<size_t>(got));
    if (text.size() > kLongest) {
      return absl::InvalidArgumentError(StrCat(path, " is too long for a key or token file"));
    }
  }
}

absl::Status CreatePrivateFile(const std::string& path, std::string_view bytes) {
  VIZSLA_ASSIGN_OR_RETURN(const auto writer, WriteBeside(path, bytes));
  return writer->CommitNew();
}

absl::Status ReplacePrivateFile(const std::string& path, std::string_view bytes) {
  VIZSLA_ASSIGN_OR_RETURN(const auto writer, WriteBeside(path, bytes));
  return writer->Commit();
}

absl::Status CreatePrivateFolder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return absl::OkStatus();
  if (errno == EEXIST) {
    return absl::AlreadyExistsError(StrCat(path, " is there already and is not overwritten"));
  }
  return ErrnoStatus(errno, path, "mkdir");
}

}  // namespace vizsla
