#include "src/storage/artifact_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>

#include "absl/strings/str_split.h"
#include "src/base/sha256.h"

namespace vizsla {
namespace {

namespace fs = std::filesystem;

absl::Status CheckName(const std::string& hash) {
  if (IsSha256Hex(hash)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      StrCat("'", hash, "' is no artifact name: 64 lower-case hexadecimal digits"));
}

absl::Status NoArtifact(const std::string& hash) {
  return absl::NotFoundError(StrCat("there is no artifact ", hash));
}

// Two lines: the database's id, and its file when it made the folder.
std::string OwnerPath(const std::string& folder) { return StrCat(folder, "/OWNER"); }

// Ok for a folder that nobody has claimed.
absl::Status CheckOwner(const std::string& folder, const ArtifactOwner& owner) {
  const absl::StatusOr<std::string> text = ReadFile(OwnerPath(folder));
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  VIZSLA_RETURN_IF_ERROR(text.status());
  const std::vector<std::string> lines = absl::StrSplit(*text, '\n');
  if (lines[0] == owner.database_id) return absl::OkStatus();
  return absl::FailedPreconditionError(
      StrCat("the folder ", folder, " holds the artifacts of the database ",
             lines.size() > 1 ? lines[1] : "", " (id ", lines[0], "), not of ", owner.database,
             " (id ", owner.database_id,
             "); name another folder with --artifacts, or remove this one if that database is "
             "gone"));
}

absl::Status Claim(const std::string& folder, const ArtifactOwner& owner) {
  VIZSLA_RETURN_IF_ERROR(CreateDirectories(StrCat(folder, "/tmp")));
  if (owner.database_id.empty()) return absl::OkStatus();
  // Another database may do the same at the same time.
  VIZSLA_ASSIGN_OR_RETURN(const FileLock lock,
                          FileLock::Acquire(StrCat(folder, "/tmp/owner.lock")));
  VIZSLA_RETURN_IF_ERROR(CheckOwner(folder, owner));
  std::error_code error;
  if (fs::exists(OwnerPath(folder), error)) return absl::OkStatus();
  return WriteFileAtomically(OwnerPath(folder),
                             StrCat(owner.database_id, "\n", owner.database, "\n"));
}

class FolderArtifactStore final : public ArtifactStore {
 public:
  FolderArtifactStore(std::string folder, ArtifactOwner owner)
      : folder_(std::move(folder)), owner_(std::move(owner)) {}

  bool Exists(const std::string& hash) const override {
    struct stat info {};
    return IsSha256Hex(hash) && ::stat(PathOf(hash).c_str(), &info) == 0;
  }

  absl::Status Remove(const std::string& hash) override {
    VIZSLA_RETURN_IF_ERROR(CheckName(hash));
    const std::string path = PathOf(hash);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return ErrnoStatus(errno, path, "remove");
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<std::string>> ListUnusedSince(Timestamp time) const override {
    VIZSLA_ASSIGN_OR_RETURN(std::vector<std::string> hashes, List());
    std::erase_if(hashes, [&](const std::string& hash) {
      struct stat info {};
      if (::stat(PathOf(hash).c_str(), &info) != 0) return true;
      return ModifiedAt(info) >= time;
    });
    return hashes;
  }

  absl::StatusOr<std::unique_ptr<Upload>> Begin(const std::string& hash, uint64_t size) override;

  absl::Status Put(const std::string& hash, std::string_view bytes) override {
    VIZSLA_ASSIGN_OR_RETURN(auto upload, Begin(hash, bytes.size()));
    VIZSLA_RETURN_IF_ERROR(upload->Append(bytes));
    return upload->Commit();
  }

  absl::StatusOr<std::string> Get(const std::string& hash) const override {
    VIZSLA_RETURN_IF_ERROR(CheckName(hash));
    auto bytes = ReadFile(PathOf(hash));
    if (absl::IsNotFound(bytes.status())) return NoArtifact(hash);
    VIZSLA_RETURN_IF_ERROR(bytes.status());
    if (Sha256Hex(*bytes) != hash) {
      return absl::DataLossError(StrCat(
          "artifact ", hash, " is damaged: its bytes no longer have the hash it is named by"));
    }
    return bytes;
  }

  absl::StatusOr<MappedFile> Map(const std::string& hash) const override {
    VIZSLA_RETURN_IF_ERROR(CheckName(hash));
    auto mapped = MappedFile::Open(PathOf(hash));
    if (absl::IsNotFound(mapped.status())) return NoArtifact(hash);
    return mapped;
  }

  absl::StatusOr<Reading> Read(const std::string& hash) override {
    VIZSLA_RETURN_IF_ERROR(CheckName(hash));
    // Held before it is opened, so that it cannot go in between.
    {
      std::lock_guard lock(mutex_);
      ++readers_[hash];
    }
    std::shared_ptr<const void> hold(nullptr, [this, hash](const void*) {
      std::lock_guard lock(mutex_);
      const auto found = readers_.find(hash);
      if (--found->second == 0) readers_.erase(found);
    });
    VIZSLA_ASSIGN_OR_RETURN(MappedFile file, Map(hash));
    Touch(hash);
    return Reading{std::move(file), std::move(hold)};
  }

  bool IsBeingRead(const std::string& hash) const override {
    std::lock_guard lock(mutex_);
    return readers_.contains(hash);
  }

  absl::StatusOr<std::vector<StoredArtifact>> ListStored() const override {
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<std::string> hashes, List());
    std::vector<StoredArtifact> stored;
    for (const std::string& hash : hashes) {
      struct stat info {};
      if (::stat(PathOf(hash).c_str(), &info) != 0) continue;  // gone since
      stored.push_back({hash, static_cast<int64_t>(info.st_size), ModifiedAt(info)});
    }
    return stored;
  }

  absl::StatusOr<uint64_t> Size(const std::string& hash) const override {
    VIZSLA_RETURN_IF_ERROR(CheckName(hash));
    const std::string path = PathOf(hash);
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) {
      return errno == ENOENT ? NoArtifact(hash) : ErrnoStatus(errno, path, "stat");
    }
    // Who asks is about to name it in a report instead of sending it again: no sweep may take it.
    // A read-only folder has no sweep either, so a failure does not matter.
    Touch(hash);
    return static_cast<uint64_t>(info.st_size);
  }

  absl::StatusOr<std::vector<std::string>> List() const override {
    std::vector<std::string> hashes;
    std::error_code error;
    for (fs::directory_iterator shard(folder_, error), end; !error && shard != end;
         shard.increment(error)) {
      if (shard->path().filename().string().size() != 2) continue;
      for (fs::directory_iterator file(shard->path(), error); !error && file != end;
           file.increment(error)) {
        const std::string name = file->path().filename().string();
        if (IsSha256Hex(name)) hashes.push_back(name);
      }
    }
    if (error && error != std::errc::no_such_file_or_directory) {
      return ErrnoStatus(error.value(), folder_, "list");
    }
    std::sort(hashes.begin(), hashes.end());
    return hashes;
  }

 private:
  static Timestamp ModifiedAt(const struct stat& info) {
    const auto modified = std::chrono::seconds(info.st_mtim.tv_sec);
    return Timestamp(std::chrono::duration_cast<Milliseconds>(modified));
  }

  void Touch(const std::string& hash) const {
    (void)::utimensat(AT_FDCWD, PathOf(hash).c_str(), nullptr, 0);
  }

  std::string PathOf(const std::string& hash) const {
    return StrCat(folder_, "/", hash.substr(0, 2), "/", hash);
  }

  const std::string folder_;
  const ArtifactOwner owner_;
  mutable std::mutex mutex_;
  std::map<std::string, int> readers_;  // guarded by mutex_
};

class FolderUpload final : public ArtifactStore::Upload {
 public:
  FolderUpload(std::string hash, uint64_t size, std::string temporary, std::string target,
               FileDescriptor file)
      : hash_(std::move(hash)),
        size_(size),
        temporary_(std::move(temporary)),
        target_(std::move(target)),
        file_(std::move(file)) {}

  ~FolderUpload() override {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }

  absl::Status Append(std::string_view bytes) override {
    if (!file_.is_open()) return absl::FailedPreconditionError("the upload has ended");
    if (received_ + bytes.size() > size_) {
      return absl::DataLossError(StrCat("artifact ", hash_, ": more bytes arrived than the ", size_,
                                        " that were promised"));
    }
    sha256_.Update(bytes);
    received_ += bytes.size();
    while (!bytes.empty()) {
      const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
      if (written < 0) {
        if (errno == EINTR) continue;
        return ErrnoStatus(errno, temporary_, StrCat("artifact ", hash_));
      }
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return absl::OkStatus();
  }

  absl::Status Commit() override {
    if (!file_.is_open()) return absl::FailedPreconditionError("the upload has ended");
    if (received_ != size_) {
      return absl::DataLossError(
          StrCat("artifact ", hash_, ": ", received_, " of ", size_, " bytes arrived"));
    }
    const std::string actual = sha256_.FinishHex();
    if (actual != hash_) {
      file_.Close();
      return absl::DataLossError(
          StrCat("artifact ", hash_, " arrived damaged: its bytes hash to ", actual));
    }
    if (::fsync(file_.get()) != 0) return ErrnoStatus(errno, temporary_, "fsync");
    file_.Close();
    const std::string folder = fs::path(target_).parent_path().string();
    VIZSLA_RETURN_IF_ERROR(CreateDirectories(folder));
    if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
      return ErrnoStatus(errno, target_, "rename");
    }
    temporary_.clear();
    VIZSLA_RETURN_IF_ERROR(SyncDirectory(folder));
    // The shard's folder itself may be new.
    return SyncDirectory(fs::path(folder).parent_path().string());
  }

 private:
  const std::string hash_;
  const uint64_t size_;
  std::string temporary_;  // empty once it has become the target
  const std::string target_;
  FileDescriptor file_;  // closed by Commit
  uint64_t received_ = 0;
  Sha256 sha256_;
};

absl::StatusOr<std::unique_ptr<ArtifactStore::Upload>> FolderArtifactStore::Begin(
    const std::string& hash, uint64_t size) {
  VIZSLA_RETURN_IF_ERROR(CheckName(hash));
  static std::atomic<uint64_t> serial{0};
  const std::string temporary =
      StrCat(folder_, "/tmp/", hash.substr(0, 16), "-", ::getpid(), "-", serial.fetch_add(1));
  const auto create = [&] {
    return FileDescriptor(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  };
  FileDescriptor file = create();
  if (!file.is_open() && errno == ENOENT) {
    VIZSLA_RETURN_IF_ERROR(Claim(folder_, owner_));
    file = create();
  }
  if (!file.is_open()) return ErrnoStatus(errno, temporary, "create");
  return std::unique_ptr<Upload>(
      new FolderUpload(hash, size, temporary, PathOf(hash), std::move(file)));
}

}  // namespace

absl::StatusOr<ArtifactOwner> OwnerOf(TrialStore& store, const std::string& database) {
  ArtifactOwner owner;
  std::error_code error;
  owner.database = fs::absolute(database, error).lexically_normal().string();
  VIZSLA_RETURN_IF_ERROR(store.Read([&](TrialReader& reader) -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(owner.database_id, reader.GetDatabaseId());
    return absl::OkStatus();
  }));
  return owner;
}

absl::StatusOr<std::unique_ptr<ArtifactStore>> ArtifactStore::Open(const std::string& folder,
                                                                   bool sweep,
                                                                   const ArtifactOwner& owner) {
  if (!owner.database_id.empty()) VIZSLA_RETURN_IF_ERROR(CheckOwner(folder, owner));
  if (sweep) {
    VIZSLA_RETURN_IF_ERROR(Claim(folder, owner));
    const std::string temporary = StrCat(folder, "/tmp");
    std::error_code error;
    for (fs::directory_iterator entry(temporary, error), end; !error && entry != end;
         entry.increment(error)) {
      std::error_code ignored;
      fs::remove(entry->path(), ignored);
    }
    if (error) return ErrnoStatus(error.value(), temporary, "sweep");
  }
  return std::make_unique<FolderArtifactStore>(folder, owner);
}

}  // namespace vizsla
