#include "src/dataset/container.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <mutex>

#include "src/base/file.h"
#include "src/dataset/text.h"

namespace vizsla {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 8;

bool IsHidden(std::string_view name) {
  return name.empty() || name[0] == '.' || name == "__MACOSX";
}

bool HasHiddenPart(std::string_view path) {
  for (;;) {
    const size_t slash = path.find('/');
    if (IsHidden(path.substr(0, slash))) return true;
    if (slash == std::string_view::npos) return false;
    path.remove_prefix(slash + 1);
  }
}

// A file changed twice within the clock's resolution keeps its stamp: nothing younger than this is
// settled.
bool IsSettled(const struct stat& info) { return std::time(nullptr) - info.st_mtim.tv_sec > 2; }

std::string StampOf(const struct stat& info) {
  return StrCat(info.st_size, ".", info.st_mtim.tv_sec, ".", info.st_mtim.tv_nsec);
}

void SortByPath(std::vector<ContainerEntry>& entries) {
  std::sort(entries.begin(), entries.end(),
            [](const ContainerEntry& a, const ContainerEntry& b) { return a.path < b.path; });
}

class FolderContainer : public Container {
 public:
  explicit FolderContainer(std::string root) : root_(std::move(root)) {}

  absl::StatusOr<std::vector<ContainerEntry>> List() const override {
    std::vector<ContainerEntry> entries;
    VIZSLA_RETURN_IF_ERROR(ListFolder("", kMaxDepth, entries));
    SortByPath(entries);
    return entries;
  }

  absl::StatusOr<std::string> Read(const std::string& path) const override {
    return ReadFile((fs::path(root_) / path).string());
  }

 private:
  absl::Status ListFolder(const std::string& inside, int depth,
                          std::vector<ContainerEntry>& entries) const {
    if (depth == 0) return absl::OkStatus();
    const fs::path folder = fs::path(root_) / inside;
    std::error_code error;
    fs::directory_iterator files(folder, error);
    if (error) return ErrnoStatus(error.value(), folder.string(), "list");
    for (; files != fs::directory_iterator(); files.increment(error)) {
      const std::string name = files->path().filename().string();
      if (IsHidden(name)) continue;
      const std::string path = inside.empty() ? name : StrCat(inside, "/", name);
      struct stat info {};
      // A broken link is a file that cannot be read: listed with no bytes, and reported as such.
      if (::stat(files->path().c_str(), &info) != 0) {
        entries.push_back({path, 0, "", false});
      } else if (S_ISDIR(info.st_mode)) {
        VIZSLA_RETURN_IF_ERROR(ListFolder(path, depth - 1, entries));
      } else if (S_ISREG(info.st_mode)) {
        entries.push_back(
            {path, static_cast<uint64_t>(info.st_size), StampOf(info), IsSettled(info)});
      }
    }
    if (error) return ErrnoStatus(error.value(), folder.string(), "list");
    return absl::OkStatus();
  }

  std::string root_;
};

// libzip's handles are not thread-safe: each call borrows one of a pool that grows with the
// callers.
class ZipContainer : public Container {
 public:
  static absl::StatusOr<std::unique_ptr<Container>> Open(const std::string& path) {
    auto container = std::unique_ptr<ZipContainer>(new ZipContainer(path));
    VIZSLA_ASSIGN_OR_RETURN(zip_t * first, container->OpenHandle());
    container->idle_.push_back(first);
    return container;
  }

  ~ZipContainer() override {
    for (zip_t* handle : idle_) zip_discard(handle);
  }

  absl::StatusOr<std::vector<ContainerEntry>> List() const override {
    struct stat info {};
    if (::stat(path_.c_str(), &info) != 0) return ErrnoStatus(errno, path_, "stat");
    VIZSLA_ASSIGN_OR_RETURN(zip_t * handle, Borrow());
    std::vector<ContainerEntry> entries;
    const zip_int64_t count = zip_get_num_entries(handle, 0);
    for (zip_int64_t i = 0; i < count; ++i) {
      zip_stat_t entry;
      if (zip_stat_index(handle, static_cast<zip_uint64_t>(i), 0, &entry) != 0) continue;
      const std::string_view name = entry.name;
      if (name.ends_with('/') || HasHiddenPart(name)) continue;
      entries.push_back({std::string(name), entry.size,
                         StrCat(StampOf(info), ".", entry.crc, ".", entry.size), IsSettled(info)});
    }
    Return(handle);
    SortByPath(entries);
    return entries;
  }

  absl::StatusOr<std::string> Read(const std::string& path) const override {
    VIZSLA_ASSIGN_OR_RETURN(zip_t * handle, Borrow());
    absl::StatusOr<std::string> bytes = ReadEntry(handle, path);
    Return(handle);
    return bytes;
  }

 private:
  explicit ZipContainer(std::string path) : path_(std::move(path)) {}

  absl::StatusOr<zip_t*> OpenHandle() const {
    int code = 0;
    zip_t* handle = zip_open(path_.c_str(), ZIP_RDONLY, &code);
    if (handle != nullptr) return handle;
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string reason = zip_error_strerror(&error);
    zip_error_fini(&error);
    if (code == ZIP_ER_OPEN) return ErrnoStatus(errno, path_, "open");
    return absl::DataLossError(
        StrCat(path_,
               ": the zip is cut short or damaged: its table of contents, which stands at its end, "
               "cannot be read (",
               reason, "); copy or download it again"));
  }

  absl::StatusOr<zip_t*> Borrow() const {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        zip_t* handle = idle_.back();
        idle_.pop_back();
        return handle;
      }
    }
    return OpenHandle();
  }

  void Return(zip_t* handle) const {
    const std::lock_guard lock(mutex_);
    idle_.push_back(handle);
  }

  absl::Status EntryError(const std::string& path, std::string_view reason) const {
    return absl::DataLossError(
        StrCat(Printable(path), ": cannot be read from the zip ", path_, ": ", reason));
  }

  absl::StatusOr<std::string> ReadEntry(zip_t* handle, const std::string& path) const {
    const zip_int64_t index = zip_name_locate(handle, path.c_str(), 0);
    if (index < 0) {
      return absl::NotFoundError(StrCat(Printable(path), ": is not in the zip ", path_));
    }
    zip_stat_t entry;
    zip_file_t* file = nullptr;
    if (zip_stat_index(handle, static_cast<zip_uint64_t>(index), 0, &entry) != 0 ||
        (file = zip_fopen_index(handle, static_cast<zip_uint64_t>(index), 0)) == nullptr) {
      return EntryError(path, zip_strerror(handle));
    }
    // The stated size is what the file claims: grow with what is really there.
    std::string bytes;
    bytes.reserve(std::min<uint64_t>(entry.size, 64 << 20));
    char buffer[1 << 16];
    zip_int64_t got = 0;
    while ((got = zip_fread(file, buffer, sizeof(buffer))) > 0) {
      bytes.append(buffer, static_cast<size_t>(got));
    }
    const std::string reason = got < 0 ? zip_file_strerror(file) : "";
    zip_fclose(file);
    if (got < 0) return EntryError(path, reason);
    if (bytes.size() != entry.size) return EntryError(path, "it ends early");
    return bytes;
  }

  std::string path_;
  mutable std::mutex mutex_;
  mutable std::vector<zip_t*> idle_;  // guarded by mutex_
};

// Whether the file begins as every zip does. An empty or other file does not.
absl::StatusOr<bool> BeginsLikeZip(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, path, "open");
  char start[2] = {};
  const ssize_t got = ::read(fd, start, sizeof(start));
  const int error = errno;
  ::close(fd);
  if (got < 0) return ErrnoStatus(error, path, "read");
  return start[0] == 'P' && start[1] == 'K';
}

}  // namespace

absl::StatusOr<std::unique_ptr<Container>> OpenContainer(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) {
    return absl::NotFoundError(StrCat(path, ": there is no such folder or zip"));
  }
  if (error) return ErrnoStatus(error.value(), path, "stat");
  if (fs::is_directory(status)) return std::make_unique<FolderContainer>(path);
  VIZSLA_ASSIGN_OR_RETURN(const bool zip, BeginsLikeZip(path));
  if (!zip) return absl::InvalidArgumentError(StrCat(path, ": is neither a folder nor a zip"));
  return ZipContainer::Open(path);
}

}  // namespace vizsla
