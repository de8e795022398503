#include "src/base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

namespace vizsla {
namespace {

std::string FolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

absl::StatusOr<FileDescriptor> OpenDescriptor(const std::string& path, int flags,
                                              mode_t permissions = 0644) {
  FileDescriptor file(::open(path.c_str(), flags | O_CLOEXEC, permissions));
  if (!file.is_open()) return ErrnoStatus(errno, path, (flags & O_EXCL) != 0 ? "create" : "open");
  return file;
}

absl::Status WriteAll(const FileDescriptor& file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus(errno, path, "write");
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ErrnoStatus(int error, std::string_view path, std::string_view what) {
  const std::string message = StrCat(path, ": ", what, ": ", std::strerror(error));
  switch (error) {
    case ENOENT:
      return absl::NotFoundError(message);
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(message);
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return absl::ResourceExhaustedError(message);
    case EEXIST:
      return absl::AlreadyExistsError(message);
    default:
      return absl::InternalError(message);
  }
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  VIZSLA_ASSIGN_OR_RETURN(const FileDescriptor file, OpenDescriptor(path, O_RDONLY));
  std::string bytes;
  struct stat info {};
  if (::fstat(file.get(), &info) == 0 && info.st_size > 0) {
    bytes.reserve(static_cast<size_t>(info.st_size));
  }
  char buffer[1 << 16];
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer, sizeof(buffer));
    if (got == 0) return bytes;
    if (got < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus(errno, path, "read");
    }
    bytes.append(buffer, static_cast<size_t>(got));
  }
}

absl::Status WriteFileAtomically(const std::string& path, std::string_view bytes) {
  VIZSLA_ASSIGN_OR_RETURN(auto writer, AtomicFileWriter::Create(path));
  VIZSLA_RETURN_IF_ERROR(writer->Append(bytes));
  return writer->Commit();
}

absl::Status CreateDirectories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return ErrnoStatus(error.value(), path, "mkdir");
  return absl::OkStatus();
}

absl::Status SyncDirectory(const std::string& path) {
  VIZSLA_ASSIGN_OR_RETURN(const FileDescriptor folder,
                          OpenDescriptor(path, O_RDONLY | O_DIRECTORY));
  if (::fsync(folder.get()) != 0) return ErrnoStatus(errno, path, "fsync");
  return absl::OkStatus();
}

AtomicFileWriter::AtomicFileWriter(std::string path, std::string temporary, FileDescriptor file)
    : path_(std::move(path)), temporary_(std::move(temporary)), file_(std::move(file)) {}

absl::StatusOr<std::unique_ptr<AtomicFileWriter>> AtomicFileWriter::Create(const std::string& path,
                                                                           unsigned permissions) {
  // Not the process's id: containers that share a volume have the same ones.
  uint64_t suffix = 0;
  if (::getrandom(&suffix, sizeof(suffix), 0) != sizeof(suffix)) {
    return ErrnoStatus(errno, path, "getrandom");
  }
  const std::string temporary = StrCat(path, kTemporaryMark, absl::Hex(suffix, absl::kZeroPad16));
  VIZSLA_ASSIGN_OR_RETURN(FileDescriptor file,
                          OpenDescriptor(temporary, O_WRONLY | O_CREAT | O_EXCL, permissions));
  return std::unique_ptr<AtomicFileWriter>(new AtomicFileWriter(path, temporary, std::move(file)));
}

AtomicFileWriter::~AtomicFileWriter() {
  if (file_.is_open()) ::unlink(temporary_.c_str());
}

absl::Status AtomicFileWriter::Append(std::string_view bytes) {
  return WriteAll(file_, bytes, temporary_);
}

absl::Status AtomicFileWriter::Commit(const std::optional<std::string>& final_path) {
  const std::string& target = final_path ? *final_path : path_;
  if (::fsync(file_.get()) != 0) return ErrnoStatus(errno, temporary_, "fsync");
  if (::rename(temporary_.c_str(), target.c_str()) != 0) {
    return ErrnoStatus(errno, target, "rename");
  }
  file_.Close();
  return SyncDirectory(FolderOf(target));
}

absl::Status AtomicFileWriter::CommitNew() {
  if (::fsync(file_.get()) != 0) return ErrnoStatus(errno, temporary_, "fsync");
  // A link, unlike a rename, never takes another's place. The destructor removes the other name.
  if (::link(temporary_.c_str(), path_.c_str()) != 0) {
    if (errno != EEXIST) return ErrnoStatus(errno, path_, "link");
    return absl::AlreadyExistsError(StrCat(path_, " is there already and is not overwritten"));
  }
  return SyncDirectory(FolderOf(path_));
}

absl::StatusOr<MappedFile> MappedFile::Open(const std::string& path) {
  VIZSLA_ASSIGN_OR_RETURN(const FileDescriptor file, OpenDescriptor(path, O_RDONLY));
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return ErrnoStatus(errno, path, "stat");
  const size_t size = static_cast<size_t>(info.st_size);
  if (size == 0) return MappedFile(nullptr, 0);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) return ErrnoStatus(errno, path, "mmap");
  return MappedFile(static_cast<std::byte*>(data), size);
}

absl::StatusOr<MappedFile> MappedFile::OpenWritable(const std::string& path, size_t size) {
  VIZSLA_ASSIGN_OR_RETURN(const FileDescriptor file, OpenDescriptor(path, O_RDWR | O_CREAT));
  if (const int error = ::posix_fallocate(file.get(), 0, static_cast<off_t>(size)); error != 0) {
    return ErrnoStatus(error, path, StrCat("reserve ", size, " bytes"));
  }
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) return ErrnoStatus(errno, path, "mmap");
  return MappedFile(static_cast<std::byte*>(data), size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

namespace {

// Nullopt: somebody else has it.
absl::StatusOr<std::optional<FileDescriptor>> LockFile(const std::string& path, int operation) {
  VIZSLA_ASSIGN_OR_RETURN(FileDescriptor file, OpenDescriptor(path, O_RDWR | O_CREAT));
  const int error = Flock(file, operation);
  if (error == EWOULDBLOCK) return std::optional<FileDescriptor>();
  if (error != 0) return ErrnoStatus(error, path, "flock");
  return std::optional(std::move(file));
}

}  // namespace

absl::StatusOr<std::optional<FileLock>> FileLock::TryAcquire(const std::string& path) {
  VIZSLA_ASSIGN_OR_RETURN(std::optional<FileDescriptor> file, LockFile(path, LOCK_EX | LOCK_NB));
  if (!file) return std::optional<FileLock>();
  return std::optional<FileLock>(FileLock(*std::move(file)));
}

absl::StatusOr<FileLock> FileLock::Acquire(const std::string& path) {
  VIZSLA_ASSIGN_OR_RETURN(std::optional<FileDescriptor> file, LockFile(path, LOCK_EX));
  return FileLock(*std::move(file));
}

absl::StatusOr<TemporaryDirectory> TemporaryDirectory::Create(std::string_view prefix) {
  const char* root = std::getenv("TMPDIR");
  std::string path = StrCat(root != nullptr ? root : "/tmp", "/", prefix, "-XXXXXX");
  if (::mkdtemp(path.data()) == nullptr) return ErrnoStatus(errno, path, "mkdtemp");
  return TemporaryDirectory(path);
}

TemporaryDirectory::TemporaryDirectory(TemporaryDirectory&& other) noexcept
    : path_(std::exchange(other.path_, std::string())) {}

TemporaryDirectory::~TemporaryDirectory() {
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace vizsla
