// Files that are whole or absent, mapped or locked. All calls block; errors name the path and
// errno's words (ENOSPC is ResourceExhausted, ENOENT is NotFound, EACCES is PermissionDenied).
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "src/base/file_descriptor.h"
#include "src/base/status.h"

namespace vizsla {

// errno as a status: "PATH: WHAT: No space left on device".
absl::Status ErrnoStatus(int error, std::string_view path, std::string_view what);

absl::StatusOr<std::string> ReadFile(const std::string& path);

// Writes beside the target, fsyncs, renames over it and fsyncs the folder: after a crash the path
// holds the old bytes or the new ones. The temporary file is removed on failure.
absl::Status WriteFileAtomically(const std::string& path, std::string_view bytes);

absl::Status CreateDirectories(const std::string& path);

// Makes a rename or a new file in this folder durable.
absl::Status SyncDirectory(const std::string& path);

// What the names of an AtomicFileWriter's unfinished files have before their random end.
inline constexpr std::string_view kTemporaryMark = ".tmp-";

// A file that grows piece by piece under a temporary name and appears under its own only by Commit.
// Destroyed without Commit, nothing remains. Not thread-safe.
class AtomicFileWriter {
 public:
  // Creates `path` + kTemporaryMark + a random suffix in the same folder, with these permissions
  // from the first instant.
  static absl::StatusOr<std::unique_ptr<AtomicFileWriter>> Create(const std::string& path,
                                                                  unsigned permissions = 0644);
  ~AtomicFileWriter();
  AtomicFileWriter(const AtomicFileWriter&) = delete;
  AtomicFileWriter& operator=(const AtomicFileWriter&) = delete;

  absl::Status Append(std::string_view bytes);
  // Fsyncs, renames to the path given to Create (or to `final_path`, same folder) and fsyncs the
  // folder.
  absl::Status Commit(const std::optional<std::string>& final_path = std::nullopt);
  // The same, but AlreadyExists when something is at the path.
  absl::Status CommitNew();

 private:
  AtomicFileWriter(std::string path, std::string temporary, FileDescriptor file);
  std::string path_;
  std::string temporary_;
  FileDescriptor file_;  // closed once it has become the target
};

// A whole file mapped into memory, shared with every process that maps it. The mapping lives as
// long as the object; moving keeps addresses.
class MappedFile {
 public:
  // Read-only.
  static absl::StatusOr<MappedFile> Open(const std::string& path);
  // Read-write, created if absent and extended to `size` bytes; blocks are reserved at once
  // (posix_fallocate), so that a full disk is an error here and not a SIGBUS later.
  static absl::StatusOr<MappedFile> OpenWritable(const std::string& path, size_t size);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  const std::byte* data() const { return data_; }
  std::byte* mutable_data() { return data_; }  // only after OpenWritable
  size_t size() const { return size_; }
  std::string_view view() const { return {reinterpret_cast<const char*>(data_), size_}; }

 private:
  MappedFile(std::byte* data, size_t size) : data_(data), size_(size) {}
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// An exclusive advisory lock (flock) on a file, created if absent. The kernel frees it when the
// process ends, however it ends. The lock lives as long as the object.
class FileLock {
 public:
  // Nullopt when another process (or another FileLock of this one) holds it; never waits.
  static absl::StatusOr<std::optional<FileLock>> TryAcquire(const std::string& path);
  // Waits until it is free.
  static absl::StatusOr<FileLock> Acquire(const std::string& path);

 private:
  explicit FileLock(FileDescriptor file) : file_(std::move(file)) {}
  FileDescriptor file_;
};

// A fresh folder under $TMPDIR (or /tmp), removed with all its contents at the end of life.
class TemporaryDirectory {
 public:
  static absl::StatusOr<TemporaryDirectory> Create(std::string_view prefix = "vizsla");
  TemporaryDirectory(TemporaryDirectory&& other) noexcept;
  TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;
  ~TemporaryDirectory();
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace vizsla
