// What is SQLite's: the file, its lock, modes of opening, a full disk.
#include "src/storage/sqlite_trial_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <latch>
#include <stdexcept>
#include <thread>

#include "src/base/file.h"
#include "src/storage/migrations.h"
#include "src/storage/rows.h"
#include "src/storage/sqlite.h"
#include "tests/storage/samples.h"

namespace vizsla {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

// Files may grow to `bytes` and no further while it lives, as on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

class SqliteTrialStoreTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<SqliteTrialStore>> Open(OpenMode mode = OpenMode::kReadWrite) {
    return SqliteTrialStore::Open(path_, mode);
  }
  static absl::Status Add(TrialStore& store, const std::string& name) {
    return store.Write(
        [&](TrialWriter& writer) { return writer.InsertStudy(SampleStudy(name)).status(); });
  }
  static bool Has(TrialStore& store, const std::string& name) {
    return store.Read([&](TrialReader& reader) { return reader.FindStudy(name).status(); }).ok();
  }
  static std::string Id(TrialStore& store) {
    std::string id;
    EXPECT_TRUE(store
                    .Read([&](TrialReader& reader) -> absl::Status {
                      VIZSLA_ASSIGN_OR_RETURN(id, reader.GetDatabaseId());
                      return absl::OkStatus();
                    })
                    .ok());
    return id;
  }
  // SQL on the closed file, as another program would.
  void Execute(const char* sql) {
    auto database = Database::Open(path_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, path_);
    ASSERT_TRUE(database.ok());
    const absl::Status status = (*database)->Execute(sql);
    ASSERT_TRUE(status.ok()) << status;
  }

  TemporaryDirectory folder_ = *TemporaryDirectory::Create();
  std::string path_ = folder_.path() + "/vizsla.db";
};

TEST_F(SqliteTrialStoreTest, KeepsWhatItWasGiven) {
  std::string id;
  {
    auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE(Add(**store, "dogs").ok());
    id = Id(**store);
    EXPECT_EQ(id.size(), 32u);
  }
  EXPECT_FALSE(fs::exists(path_ + "-wal")) << "closing in order empties the log";
  auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_TRUE(Has(**store, "dogs"));
  EXPECT_EQ(Id(**store), id);
}

TEST_F(SqliteTrialStoreTest, TheFileIsSetUpAsPromised) {
  { ASSERT_TRUE(Open().ok()); }
  auto database = Database::Open(path_, SQLITE_OPEN_READWRITE, path_);
  ASSERT_TRUE(database.ok());
  EXPECT_EQ(*(*database)->ReadInt("PRAGMA user_version"), CurrentSchemaVersion());
  EXPECT_EQ(*(*database)->ReadInt("SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = "
                                  "'wal'"),
            1);
  EXPECT_EQ(
      *(*database)->ReadInt("SELECT count(*) FROM pragma_table_list WHERE type = 'table' "
                            "AND schema = 'main' AND name NOT LIKE 'sqlite_%' AND strict = 0"),
      0);
}

// A database as release 0.1.0 made it: schema 1, its columns, its specification.
TEST_F(SqliteTrialStoreTest, ADatabaseOfRelease010IsCarriedForward) {
  {
    auto database = *Database::Open(path_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, path_);
    ASSERT_TRUE(Migrate(*database, SchemaMigrations().first(1), path_ + ".backup-").ok());
    ASSERT_TRUE(database
                    ->Execute(R"sql(
INSERT INTO studies(name, spec, dataset_fingerprint, split_hash, weights_hash, state, created_ms,
  finished_ms, active_ms) VALUES('dogs', '{"budget":{"epochs":3,"trials":2},"name":"dogs",
  "notes":"by hand","space":[]}', 'f', 's', '', 0, 1000, NULL, 5);
INSERT INTO trials(study_id, number, name, notes, configuration, state, attempt, crashes, epoch,
  score, score_is_nan, best_epoch, best_checkpoint, last_checkpoint, last_checkpoint_epoch, worker,
  reason, created_ms, started_ms, finished_ms) VALUES(1, 1, 'first', 'mine', '{"dropout":0.5}', 3,
  1, 0, 3, 0.75, 0, 2, 'hash', '', 0, 'w', '', 1000, 1001, 1002);
)sql")
                    .ok());
  }
  auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_TRUE(fs::exists(path_ + ".backup-schema-1"));
  ASSERT_TRUE((*store)
                  ->Read([&](TrialReader& reader) -> absl::Status {
                    VIZSLA_ASSIGN_OR_RETURN(const Study study, reader.FindStudy("dogs"));
                    EXPECT_EQ(study.notes, "by hand");
                    EXPECT_EQ(study.spec.notes, "by hand");
                    EXPECT_EQ(study.spec.budget, (Budget{2, 3, {}}));
                    EXPECT_TRUE(study.spec.stages.empty());
                    VIZSLA_ASSIGN_OR_RETURN(const Trial trial, reader.FindTrial(study.id, 1));
                    EXPECT_EQ(trial.stage, 1);
                    EXPECT_TRUE(trial.further_values.empty());
                    EXPECT_EQ(trial.warm_start, WarmStart());
                    EXPECT_EQ(trial.name, "first");
                    EXPECT_EQ(trial.notes, "mine");
                    EXPECT_EQ(trial.score, 0.75);
                    EXPECT_EQ(trial.best_checkpoint, "hash");
                    return absl::OkStatus();
                  })
                  .ok());
}

// The promise that an answered report survives a power cut; both are a connection's, not the
// file's.
TEST_F(SqliteTrialStoreTest, TheWriterSyncsEachCommitAndKeepsReferencesWhole) {
  auto store = Open();
  int64_t synchronous = 0;
  int64_t foreign_keys = 0;
  ASSERT_TRUE((*store)
                  ->Write([&](TrialWriter& writer) -> absl::Status {
                    Database& connection = dynamic_cast<Rows&>(writer).database();
                    VIZSLA_ASSIGN_OR_RETURN(synchronous, connection.ReadInt("PRAGMA synchronous"));
                    VIZSLA_ASSIGN_OR_RETURN(foreign_keys,
                                            connection.ReadInt("PRAGMA foreign_keys"));
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(synchronous, 2);  // FULL
  EXPECT_EQ(foreign_keys, 1);
}

TEST_F(SqliteTrialStoreTest, ALockOfAnotherProgramIsAborted) {
  { ASSERT_TRUE(Open().ok()); }
  auto holder = Database::Open(path_, SQLITE_OPEN_READWRITE, path_);
  ASSERT_TRUE((*holder)->Execute("BEGIN IMMEDIATE").ok());
  auto other = Database::Open(path_, SQLITE_OPEN_READWRITE, path_);
  sqlite3_busy_timeout((*other)->handle(), 0);
  const absl::Status refused = (*other)->Execute("BEGIN IMMEDIATE");
  EXPECT_TRUE(absl::IsAborted(refused)) << refused;
  EXPECT_THAT(Message(refused), HasSubstr("database is locked"));
}

TEST_F(SqliteTrialStoreTest, AChangeThatThrowsIsUndoneAndItsCallerIsTold) {
  auto store = Open();
  const absl::Status failed = (*store)->Write([&](TrialWriter& writer) -> absl::Status {
    EXPECT_TRUE(writer.InsertStudy(SampleStudy("dogs")).ok());
    throw std::runtime_error("somebody else's bug");
  });
  EXPECT_TRUE(absl::IsInternal(failed)) << failed;
  EXPECT_THAT(Message(failed), HasSubstr("somebody else's bug"));
  EXPECT_FALSE(Has(**store, "dogs"));
  EXPECT_TRUE(Add(**store, "dogs").ok());
}

TEST_F(SqliteTrialStoreTest, AQueryThatThrowsGivesItsConnectionBack) {
  auto store = Open();
  ASSERT_TRUE(Add(**store, "dogs").ok());
  for (int i = 0; i < 20; ++i) {  // more than there are connections
    EXPECT_THROW((void)(*store)->Read([](TrialReader& reader) -> absl::Status {
      EXPECT_TRUE(reader.FindStudy("dogs").ok());
      throw std::runtime_error("somebody else's bug");
    }),
                 std::runtime_error);
  }
  ASSERT_TRUE(Add(**store, "cats").ok());
  EXPECT_TRUE(Has(**store, "cats")) << "no connection stays in an old snapshot";
}

TEST_F(SqliteTrialStoreTest, ANewerStudyIsNamed) {
  {
    auto store = Open();
    ASSERT_TRUE(Add(**store, "dogs").ok());
  }
  Execute("UPDATE studies SET spec = json_set(spec, '$.colour', 'brown')");
  auto store = Open();
  const absl::Status refused =
      (*store)->Read([](TrialReader& reader) { return reader.ListStudies().status(); });
  EXPECT_EQ(Message(refused),
            "stored study 'dogs': study: colour: unknown field (made by a newer Vizsla?)");
}

TEST_F(SqliteTrialStoreTest, OneWriterAtATime) {
  auto first = Open();
  ASSERT_TRUE(first.ok());
  const auto second = Open();
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status()));
  EXPECT_EQ(Message(second.status()), "another coordinator holds " + path_);
  first->reset();
  EXPECT_TRUE(Open().ok());
}

TEST_F(SqliteTrialStoreTest, AReaderBesideTheWriter) {
  auto writer = Open();
  ASSERT_TRUE(Add(**writer, "dogs").ok());
  auto reader = Open(OpenMode::kReadOnly);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_TRUE(Has(**reader, "dogs"));
  EXPECT_FALSE(Has(**reader, "cats"));
  // An open leaderboard, even in the middle of a query, does not block the search.
  EXPECT_TRUE((*reader)
                  ->Read([&](TrialReader& rows) -> absl::Status {
                    EXPECT_TRUE(rows.ListStudies().ok());
                    EXPECT_TRUE(Add(**writer, "cats").ok());
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_TRUE(Has(**reader, "cats"));
  const absl::Status refused = Add(**reader, "wolves");
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_THAT(Message(refused), HasSubstr("open for reading only"));
  // Nor does it keep the next coordinator from starting.
  writer->reset();
  auto next = Open();
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_TRUE(Add(**next, "wolves").ok());
  EXPECT_TRUE(Has(**reader, "wolves"));
}

TEST_F(SqliteTrialStoreTest, ReadOnlyNeedsADatabase) {
  EXPECT_TRUE(absl::IsNotFound(Open(OpenMode::kReadOnly).status()));
  ASSERT_TRUE(WriteFileAtomically(path_, "").ok());
  const auto empty = Open(OpenMode::kReadOnly);
  EXPECT_TRUE(absl::IsNotFound(empty.status()));
  EXPECT_THAT(Message(empty.status()), HasSubstr("still empty"));
}

TEST_F(SqliteTrialStoreTest, AMissingFolderIsNamed) {
  const auto store = SqliteTrialStore::Open(folder_.path() + "/no/such/v.db", OpenMode::kReadWrite);
  EXPECT_TRUE(absl::IsNotFound(store.status()));
  EXPECT_THAT(Message(store.status()), HasSubstr("there is no folder"));
}

TEST_F(SqliteTrialStoreTest, AFileThatIsNoDatabase) {
  const std::string text(4096, 'x');
  ASSERT_TRUE(WriteFileAtomically(path_, text).ok());
  for (const OpenMode mode : {OpenMode::kReadWrite, OpenMode::kReadOnly}) {
    const auto store = Open(mode);
    EXPECT_TRUE(absl::IsDataLoss(store.status())) << store.status();
    EXPECT_THAT(Message(store.status()), HasSubstr("is not a database"));
  }
  EXPECT_EQ(*ReadFile(path_), text);
}

TEST_F(SqliteTrialStoreTest, AnotherProgramsDatabaseIsLeftAlone) {
  Execute("CREATE TABLE bookmarks(url TEXT)");
  const std::string before = *ReadFile(path_);
  for (const OpenMode mode : {OpenMode::kReadWrite, OpenMode::kReadOnly}) {
    const auto store = Open(mode);
    EXPECT_TRUE(absl::IsFailedPrecondition(store.status())) << store.status();
    EXPECT_THAT(Message(store.status()), HasSubstr("another program"));
  }
  EXPECT_EQ(*ReadFile(path_), before);
}

TEST_F(SqliteTrialStoreTest, ANewerSchemaIsRefusedWithBothVersions) {
  { ASSERT_TRUE(Open().ok()); }
  Execute("PRAGMA user_version = 99");
  for (const OpenMode mode : {OpenMode::kReadWrite, OpenMode::kReadOnly}) {
    const auto store = Open(mode);
    EXPECT_TRUE(absl::IsFailedPrecondition(store.status())) << store.status();
    EXPECT_THAT(Message(store.status()), HasSubstr("schema 99 is newer than this program's " +
                                                   std::to_string(CurrentSchemaVersion())));
  }
}

// Copies the database as a crash leaves it (file and log, nothing checkpointed) to a folder that
// its reader cannot write to, and lets another user read it: root may write everywhere.
TEST_F(SqliteTrialStoreTest, ReadOnlyFolders) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root, to become another user";
  auto writer = Open();
  ASSERT_TRUE(Add(**writer, "dogs").ok());
  ASSERT_GT(fs::file_size(path_ + "-wal"), 0u);
  ::chmod(folder_.path().c_str(), 0755);

  const std::string crashed = folder_.path() + "/crashed";
  const std::string closed = folder_.path() + "/closed";
  fs::create_directory(crashed);
  fs::create_directory(closed);
  fs::copy_file(path_, crashed + "/vizsla.db");
  fs::copy_file(path_ + "-wal", crashed + "/vizsla.db-wal");
  writer->reset();
  fs::copy_file(path_, closed + "/vizsla.db");
  for (const std::string& folder : {crashed, closed}) {
    for (const auto& file : fs::directory_iterator(folder)) ::chmod(file.path().c_str(), 0444);
    ::chmod(folder.c_str(), 0555);
    const pid_t child = ::fork();
    if (child == 0) {
      if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(3);
      if (::access(folder.c_str(), W_OK) == 0) ::_exit(4);
      auto store = SqliteTrialStore::Open(folder + "/vizsla.db", OpenMode::kReadOnly);
      if (!store.ok()) {
        std::fprintf(stderr, "%s\n", store.status().ToString().c_str());
        ::_exit(5);
      }
      const bool has = Has(**store, "dogs");
      store->reset();  // before _exit, which would leave its copy behind
      ::_exit(has ? 0 : 6);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0) << folder << ": exit " << WEXITSTATUS(status);
    ::chmod(folder.c_str(), 0755);
  }
}

TEST_F(SqliteTrialStoreTest, AFullDiskLosesNothing) {
  auto store = Open();
  ASSERT_TRUE(Add(**store, "before").ok());
  TrialId trial;
  ASSERT_TRUE((*store)
                  ->Write([&](TrialWriter& writer) -> absl::Status {
                    VIZSLA_ASSIGN_OR_RETURN(const Study study, writer.FindStudy("before"));
                    VIZSLA_ASSIGN_OR_RETURN(trial, writer.InsertTrial(SampleTrial(study.id, 1)));
                    return absl::OkStatus();
                  })
                  .ok());
  const auto append = [&](size_t bytes) {
    return (*store)->Write([&](TrialWriter& writer) {
      return writer.AppendLog(trial, {AttemptNumber(1), SampleTime(1), std::string(bytes, 'l')});
    });
  };
  const auto count = [&] {
    size_t lines = 0;
    EXPECT_TRUE((*store)
                    ->Read([&](TrialReader& reader) -> absl::Status {
                      VIZSLA_ASSIGN_OR_RETURN(const auto rows, reader.ListLogs(trial));
                      lines = rows.size();
                      return absl::OkStatus();
                    })
                    .ok());
    return lines;
  };
  {
    FileSizeLimit full(fs::file_size(path_ + "-wal") + 30'000);
    ASSERT_TRUE(append(1000).ok());
    EXPECT_EQ((*store)->FailedCommits(), 0u);
    const absl::Status refused = append(100'000);
    EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
    EXPECT_EQ((*store)->FailedCommits(), 1u);
    EXPECT_THAT(Message(refused), HasSubstr(path_));
    EXPECT_EQ(count(), 1u);
  }
  EXPECT_TRUE(append(100'000).ok());
  EXPECT_EQ(count(), 2u);
  store->reset();
  store = Open();
  ASSERT_TRUE(store.ok());
  EXPECT_TRUE(Has(**store, "before"));
  EXPECT_EQ(count(), 2u);
}

// A file system of its own, really full.
TEST_F(SqliteTrialStoreTest, AFullFileSystemLosesNothing) {
  const std::string disk = folder_.path() + "/disk";
  fs::create_directory(disk);
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1m") != 0) {
    GTEST_SKIP() << "needs the right to mount a file system of 1 MiB";
  }
  path_ = disk + "/vizsla.db";
  {
    auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    int stored = 0;
    absl::Status status;
    for (; status.ok() && stored < 1000; ++stored) {
      Study study = SampleStudy("study " + std::to_string(stored));
      study.spec.notes.assign(20'000, 'n');
      status = (*store)->Write([&](TrialWriter& w) { return w.InsertStudy(study).status(); });
    }
    --stored;  // the last one was refused
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_THAT(Message(status), HasSubstr("the disk is full"));
    EXPECT_GT(stored, 3);
    const auto check = [&] {
      for (int i = 0; i < stored; ++i) EXPECT_TRUE(Has(**store, "study " + std::to_string(i)));
      EXPECT_FALSE(Has(**store, "study " + std::to_string(stored)));
    };
    check();
    store->reset();
    store = Open();  // even on the full disk
    ASSERT_TRUE(store.ok()) << store.status();
    check();
  }
  EXPECT_EQ(::umount(disk.c_str()), 0);
}

TEST_F(SqliteTrialStoreTest, AFailedCommitFailsItsWholeGroup) {
  auto store = Open();
  ASSERT_TRUE(Add(**store, "before").ok());
  // While the first change is inside its transaction, two more queue up: they share the next one.
  std::latch entered(1), go_on(1);
  std::thread first([&] {
    EXPECT_TRUE((*store)
                    ->Write([&](TrialWriter&) {
                      entered.count_down();
                      go_on.wait();
                      return absl::OkStatus();
                    })
                    .ok());
  });
  entered.wait();
  FileSizeLimit full(fs::file_size(path_ + "-wal") + 30'000);
  absl::Status small, large;
  std::thread second([&] { small = Add(**store, "small"); });
  std::thread third([&] {
    Study study = SampleStudy("large");
    study.spec.notes.assign(200'000, 'n');
    large = (*store)->Write([&](TrialWriter& w) { return w.InsertStudy(study).status(); });
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));  // both have queued
  go_on.count_down();
  first.join();
  second.join();
  third.join();
  EXPECT_TRUE(absl::IsResourceExhausted(large)) << large;
  EXPECT_TRUE(absl::IsResourceExhausted(small)) << small;
  EXPECT_FALSE(Has(**store, "small"));
  EXPECT_TRUE(Has(**store, "before"));
  EXPECT_TRUE(Add(**store, "small").ok()) << "what fits is stored when it is tried again";
}

}  // namespace
}  // namespace vizsla
