// TrialStore on one SQLite file: WAL, synchronous=FULL, foreign keys, STRICT tables, group commit
// by one writer thread. The process that opens it for writing holds an exclusive lock on
// `PATH.lock` for life.
#pragma once

#include <memory>
#include <string>

#include "src/scheduling/trial_store.h"
#include "src/storage/write_statistics.h"

namespace vizsla {

enum class OpenMode {
  kReadWrite,  // creates the file; migrates an older schema forward, after a backup beside it
  kReadOnly,   // for commands while no coordinator runs: every Write is FailedPrecondition
};

class SqliteTrialStore : public TrialStore {
 public:
  // Errors: FailedPrecondition "another coordinator holds PATH" (kReadWrite), "schema N is newer
  // than this program's M", "PATH is on a network file system (nfs)"; NotFound (kReadOnly without a
  // file); DataLoss "is not a database"; ResourceExhausted (full disk).
  static absl::StatusOr<std::unique_ptr<SqliteTrialStore>> Open(const std::string& path,
                                                                OpenMode mode);
  ~SqliteTrialStore() override = default;
  // Nothing for a store that is only read.
  virtual WriteStatistics Statistics() const { return {}; }
};

// The schema this program writes (PRAGMA user_version).
int CurrentSchemaVersion();

}  // namespace vizsla
