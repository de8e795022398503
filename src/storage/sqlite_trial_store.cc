#include "src/storage/sqlite_trial_store.h"

#include <sys/stat.h>

#include <filesystem>
#include <optional>

#include "src/base/file.h"
#include "src/base/log.h"
#include "src/storage/migrations.h"
#include "src/storage/network_file_system.h"
#include "src/storage/reader_pool.h"
#include "src/storage/sqlite.h"
#include "src/storage/write_queue.h"

namespace vizsla {
namespace {

constexpr int kReaders = 4;

std::string FolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

// The size of a file; nullopt when there is none.
std::optional<int64_t> FileSize(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return info.st_size;
}

// A path as SQLite's file: URI; "?", "#" and "%" have meanings there.
std::string ToUri(const std::string& path, std::string_view parameters) {
  std::string uri = "file:";
  for (const char c : std::filesystem::absolute(path).string()) {
    if (c == '?' || c == '#' || c == '%') {
      constexpr std::string_view kDigits = "0123456789ABCDEF";
      uri += '%';
      uri += kDigits[static_cast<unsigned char>(c) >> 4];
      uri += kDigits[static_cast<unsigned char>(c) & 15];
    } else {
      uri += c;
    }
  }
  return StrCat(uri, "?", parameters);
}

// A damaged header shows at the first read, not at open.
absl::StatusOr<std::unique_ptr<Database>> OpenForReading(const std::string& name, int flags,
                                                         const std::string& shown_path) {
  VIZSLA_ASSIGN_OR_RETURN(auto database,
                          Database::Open(name, SQLITE_OPEN_READONLY | flags, shown_path));
  VIZSLA_RETURN_IF_ERROR(database->ReadInt("SELECT count(*) FROM sqlite_schema").status());
  return database;
}

class ReadWriteStore final : public SqliteTrialStore {
 public:
  ReadWriteStore(FileLock lock, std::unique_ptr<Database> writer, const std::string& path)
      : lock_(std::move(lock)),
        writer_(std::move(writer)),
        readers_([path] { return OpenForReading(path, 0, path); }, kReaders) {}

  absl::Status Write(const std::function<absl::Status(TrialWriter&)>& change) override {
    return writer_.Run(change);
  }
  uint64_t FailedCommits() const override { return writer_.FailedCommits(); }
  WriteStatistics Statistics() const override { return writer_.Statistics(); }
  absl::Status Read(const std::function<absl::Status(TrialReader&)>& query) override {
    return readers_.Run(query);
  }

 private:
  // In this order: the readers close first, so that the writer's close empties the log, and the
  // lock is freed last.
  FileLock lock_;
  WriteQueue writer_;
  ReaderPool readers_;
};

class ReadOnlyStore final : public SqliteTrialStore {
 public:
  ReadOnlyStore(std::string path, ReaderPool::Connect connect,
                std::unique_ptr<TemporaryDirectory> copy)
      : path_(std::move(path)), copy_(std::move(copy)), readers_(std::move(connect), kReaders) {}

  absl::Status Write(const std::function<absl::Status(TrialWriter&)>&) override {
    return absl::FailedPreconditionError(
        StrCat(path_, " is open for reading only; nothing can be written"));
  }
  uint64_t FailedCommits() const override { return 0; }
  absl::Status Read(const std::function<absl::Status(TrialReader&)>& query) override {
    return readers_.Run(query);
  }

 private:
  std::string path_;
  std::unique_ptr<TemporaryDirectory> copy_;  // null: the file itself is read
  ReaderPool readers_;
};

absl::StatusOr<std::unique_ptr<SqliteTrialStore>> OpenReadWrite(const std::string& path) {
  const std::string folder = FolderOf(path);
  if (!FileSize(folder)) {
    return absl::NotFoundError(StrCat(path, ": there is no folder ", folder));
  }
  VIZSLA_RETURN_IF_ERROR(CheckLocalFileSystem(folder, path));
  VIZSLA_ASSIGN_OR_RETURN(std::optional<FileLock> lock,
                          FileLock::TryAcquire(StrCat(path, ".lock")));
  if (!lock) {
    return absl::FailedPreconditionError(StrCat("another coordinator holds ", path));
  }
  VIZSLA_ASSIGN_OR_RETURN(auto database,
                          Database::Open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, path));
  // A newer or foreign file is refused before anything of it is changed.
  const absl::Status schema = CheckSchema(*database, static_cast<int>(SchemaMigrations().size()));
  if (!schema.ok() && !absl::IsNotFound(schema)) {
    VIZSLA_ASSIGN_OR_RETURN(const int64_t version, database->ReadInt("PRAGMA user_version"));
    if (version == 0 || version > CurrentSchemaVersion()) return schema;
  }
  VIZSLA_RETURN_IF_ERROR(database->Execute("PRAGMA journal_mode = WAL"));
  VIZSLA_RETURN_IF_ERROR(database->Execute("PRAGMA synchronous = FULL"));
  VIZSLA_RETURN_IF_ERROR(Migrate(*database, SchemaMigrations(), StrCat(path, ".backup-schema-")));
  // After the migrations, which may rebuild tables.
  VIZSLA_RETURN_IF_ERROR(database->Execute("PRAGMA foreign_keys = ON"));
  return std::make_unique<ReadWriteStore>(*std::move(lock), std::move(database), path);
}

// The ways to read a database without writing beside it, from the best to the last:
// 1. As any SQLite reader. Works with a coordinator at work and after one, where the folder can be
//    written or the log's files are there.
// 2. A folder that cannot be written, and nothing in the log: the file alone is the truth.
// 3. The same with a log (a coordinator was killed, then the folder was moved to a read-only
//    disk): SQLite must replay it, which it can in a copy.
absl::StatusOr<std::unique_ptr<SqliteTrialStore>> OpenReadOnly(const std::string& path) {
  const std::optional<int64_t> size = FileSize(path);
  if (!size) return absl::NotFoundError(StrCat("there is no database ", path));

  std::unique_ptr<TemporaryDirectory> copy;
  ReaderPool::Connect connect = [path] { return OpenForReading(path, 0, path); };
  auto first = connect();
  if (absl::IsPermissionDenied(first.status()) || absl::IsNotFound(first.status())) {
    const std::string log = StrCat(path, "-wal");
    if (FileSize(log).value_or(0) == 0) {
      const std::string uri = ToUri(path, "immutable=1");
      connect = [uri, path] { return OpenForReading(uri, SQLITE_OPEN_URI, path); };
    } else {
      VIZSLA_ASSIGN_OR_RETURN(auto folder, TemporaryDirectory::Create("vizsla-database"));
      copy = std::make_unique<TemporaryDirectory>(std::move(folder));
      const std::string target = StrCat(copy->path(), "/copy.db");
      for (const std::string_view suffix : {"", "-wal"}) {
        std::error_code error;
        std::filesystem::copy_file(StrCat(path, suffix), StrCat(target, suffix), error);
        if (error) return ErrnoStatus(error.value(), StrCat(path, suffix), "copy");
      }
      connect = [target, path] { return OpenForReading(target, 0, path); };
    }
    first = connect();
  }
  VIZSLA_RETURN_IF_ERROR(first.status());
  VIZSLA_RETURN_IF_ERROR(CheckSchema(**first, CurrentSchemaVersion()));
  first->reset();
  return std::make_unique<ReadOnlyStore>(path, std::move(connect), std::move(copy));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteTrialStore>> SqliteTrialStore::Open(const std::string& path,
                                                                         OpenMode mode) {
  return mode == OpenMode::kReadWrite ? OpenReadWrite(path) : OpenReadOnly(path);
}

int CurrentSchemaVersion() { return static_cast<int>(SchemaMigrations().size()); }

}  // namespace vizsla
