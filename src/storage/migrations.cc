#include "src/storage/migrations.h"

#include <sys/stat.h>

#include <array>
#include <cstdio>

#include "src/base/file.h"
#include "src/base/log.h"

namespace vizsla {
namespace {

// Times are Unix milliseconds, durations milliseconds. States and outcomes are the numbers of
// src/study/trial.h and study.h. Metrics are JSON: {"val_loss":0.25}, with "nan", "inf" and "-inf"
// as words, because SQLite has no NaN.
constexpr const char* kInitialSchema = R"sql(
CREATE TABLE meta(
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES('database_id', lower(hex(randomblob(16))));

-- AUTOINCREMENT: an id is never given twice, so that a late message cannot reach a newer trial.
CREATE TABLE studies(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  spec TEXT NOT NULL,
  dataset_fingerprint TEXT NOT NULL,
  split_hash TEXT NOT NULL,
  weights_hash TEXT NOT NULL,
  state INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  finished_ms INTEGER,
  active_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE trials(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  study_id INTEGER NOT NULL REFERENCES studies(id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  name TEXT NOT NULL,
  notes TEXT NOT NULL,
  configuration TEXT NOT NULL,
  state INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  crashes INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  score REAL,
  score_is_nan INTEGER NOT NULL,
  best_epoch INTEGER NOT NULL,
  best_checkpoint TEXT NOT NULL,
  last_checkpoint TEXT NOT NULL,
  last_checkpoint_epoch INTEGER NOT NULL,
  worker TEXT NOT NULL,
  reason TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  started_ms INTEGER,
  finished_ms INTEGER,
  UNIQUE(study_id, number)
) STRICT;
CREATE INDEX trials_by_state ON trials(study_id, state, number);
CREATE INDEX trials_by_best ON trials(best_checkpoint) WHERE best_checkpoint <> '';
CREATE INDEX trials_by_last ON trials(last_checkpoint) WHERE last_checkpoint <> '';

CREATE TABLE reports(
  trial_id INTEGER NOT NULL REFERENCES trials(id) ON DELETE CASCADE,
  epoch INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  metrics TEXT NOT NULL,
  duration_ms INTEGER NOT NULL,
  reported_ms INTEGER NOT NULL,
  checkpoint_hash TEXT NOT NULL,
  PRIMARY KEY(trial_id, epoch)
) STRICT, WITHOUT ROWID;
CREATE INDEX reports_by_checkpoint ON reports(checkpoint_hash) WHERE checkpoint_hash <> '';

CREATE TABLE attempts(
  trial_id INTEGER NOT NULL REFERENCES trials(id) ON DELETE CASCADE,
  attempt INTEGER NOT NULL,
  worker TEXT NOT NULL,
  outcome INTEGER NOT NULL,
  reason TEXT NOT NULL,
  started_ms INTEGER NOT NULL,
  ended_ms INTEGER,
  PRIMARY KEY(trial_id, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE logs(
  id INTEGER PRIMARY KEY,
  trial_id INTEGER NOT NULL REFERENCES trials(id) ON DELETE CASCADE,
  attempt INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE INDEX logs_by_trial ON logs(trial_id, id);

CREATE TABLE evaluations(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  study_id INTEGER NOT NULL REFERENCES studies(id) ON DELETE CASCADE,
  trial_number INTEGER NOT NULL,
  split TEXT NOT NULL,
  model_hash TEXT NOT NULL,
  metrics TEXT NOT NULL,
  user TEXT NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX evaluations_by_study ON evaluations(study_id, id);
)sql";

// Stages, warm starts and editable notes. A study's notes lay in its specification alone.
constexpr const char* kStagesAndNotes = R"sql(
ALTER TABLE trials ADD COLUMN stage INTEGER NOT NULL DEFAULT 1;
ALTER TABLE trials ADD COLUMN init_kind INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trials ADD COLUMN init_trial INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trials ADD COLUMN init_checkpoint TEXT NOT NULL DEFAULT '';
CREATE INDEX trials_by_init ON trials(init_checkpoint) WHERE init_checkpoint <> '';

ALTER TABLE studies ADD COLUMN notes TEXT NOT NULL DEFAULT '';
UPDATE studies SET notes = coalesce(json_extract(spec, '$.notes'), '');
)sql";

// Pruners that promote.
constexpr const char* kRungs = R"sql(
ALTER TABLE trials ADD COLUMN rung INTEGER NOT NULL DEFAULT 0;
)sql";

// Who asks for a trial is looked up among a thousand running ones.
constexpr const char* kRunningByWorker = R"sql(
CREATE INDEX trials_running_by_worker ON trials(worker) WHERE state = 1;
)sql";

// Stopping rules, learning from earlier studies, the byte budget.
constexpr const char* kRules = R"sql(
ALTER TABLE studies ADD COLUMN end_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE studies ADD COLUMN learned TEXT NOT NULL DEFAULT '';
ALTER TABLE trials ADD COLUMN checkpoint_dropped INTEGER NOT NULL DEFAULT 0;

CREATE TABLE stop_progress(
  study_id INTEGER PRIMARY KEY REFERENCES studies(id) ON DELETE CASCADE,
  epochs INTEGER NOT NULL,
  target_trial INTEGER NOT NULL,
  target_score REAL NOT NULL,
  stage INTEGER NOT NULL,
  ended INTEGER NOT NULL,
  best REAL,
  stages_over INTEGER NOT NULL
) STRICT;

CREATE TABLE learned_trials(
  study_id INTEGER NOT NULL REFERENCES studies(id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  source_study TEXT NOT NULL,
  source_number INTEGER NOT NULL,
  configuration TEXT NOT NULL,
  state INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  score REAL,
  score_is_nan INTEGER NOT NULL,
  PRIMARY KEY(study_id, position)
) STRICT, WITHOUT ROWID;
)sql";

// Population-based training.
constexpr const char* kLineages = R"sql(
ALTER TABLE trials ADD COLUMN parent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trials ADD COLUMN parent_epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trials ADD COLUMN member INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trials ADD COLUMN parent_checkpoint TEXT NOT NULL DEFAULT '';
CREATE INDEX trials_by_parent ON trials(parent_checkpoint) WHERE parent_checkpoint <> '';
)sql";

// More runs than one of a configuration.
constexpr const char* kRepeats = R"sql(
ALTER TABLE trials ADD COLUMN repeat_of INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trials ADD COLUMN final_run INTEGER NOT NULL DEFAULT 0;
)sql";

// Studies of several objectives.
constexpr const char* kFurtherValues = R"sql(
ALTER TABLE trials ADD COLUMN further_values TEXT NOT NULL DEFAULT '';
)sql";

constexpr std::array kMigrations = {kInitialSchema, kStagesAndNotes, kRungs,   kRunningByWorker,
                                    kRules,         kLineages,       kRepeats, kFurtherValues};

struct SchemaState {
  int64_t version = 0;
  int64_t tables = 0;
};

absl::StatusOr<SchemaState> ReadSchemaState(Database& database) {
  SchemaState state;
  VIZSLA_ASSIGN_OR_RETURN(state.version, database.ReadInt("PRAGMA user_version"));
  VIZSLA_ASSIGN_OR_RETURN(state.tables, database.ReadInt("SELECT count(*) FROM sqlite_schema"));
  VIZSLA_ASSIGN_OR_RETURN(const int64_t owner, database.ReadInt("PRAGMA application_id"));
  if (state.tables > 0 && owner != kApplicationId) {
    return absl::FailedPreconditionError(
        StrCat(database.path(), " is an SQLite database of another program, not Vizsla's"));
  }
  return state;
}

absl::Status NewerSchema(const std::string& path, int64_t version, int64_t known) {
  return absl::FailedPreconditionError(StrCat(path, ": schema ", version,
                                              " is newer than this program's ", known,
                                              "; use the newer Vizsla that wrote it"));
}

bool FileExists(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0;
}

// Through SQLite's backup interface, which also sees what is still in the write-ahead log.
absl::Status BackUp(Database& source, const std::string& target) {
  const std::string temporary = StrCat(target, ".tmp");
  std::remove(temporary.c_str());
  VIZSLA_ASSIGN_OR_RETURN(
      auto copy, Database::Open(temporary, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, temporary));
  sqlite3_backup* backup = sqlite3_backup_init(copy->handle(), "main", source.handle(), "main");
  absl::Status status;
  if (backup == nullptr) {
    status = copy->Error(sqlite3_extended_errcode(copy->handle()));
  } else {
    const int code = sqlite3_backup_step(backup, -1);
    sqlite3_backup_finish(backup);
    if (code != SQLITE_DONE) status = copy->Error(code);
  }
  copy.reset();
  if (status.ok() && std::rename(temporary.c_str(), target.c_str()) != 0) {
    status = ErrnoStatus(errno, target, "rename");
  }
  if (!status.ok()) {
    std::remove(temporary.c_str());
    return status;
  }
  const size_t slash = target.rfind('/');
  return SyncDirectory(slash == std::string::npos ? "." : target.substr(0, slash + 1));
}

}  // namespace

Migrations SchemaMigrations() { return kMigrations; }

absl::Status CheckSchema(Database& database, int known) {
  VIZSLA_ASSIGN_OR_RETURN(const SchemaState state, ReadSchemaState(database));
  if (state.version > known) return NewerSchema(database.path(), state.version, known);
  if (state.version == 0) {
    return absl::NotFoundError(StrCat(database.path(), ": the database is still empty"));
  }
  if (state.version < known) {
    return absl::FailedPreconditionError(StrCat(database.path(), ": schema ", state.version,
                                                " is older than this program's ", known,
                                                "; start the coordinator once to migrate it"));
  }
  return absl::OkStatus();
}

absl::Status Migrate(Database& database, Migrations migrations, const std::string& backup_prefix) {
  VIZSLA_ASSIGN_OR_RETURN(const SchemaState state, ReadSchemaState(database));
  const int64_t known = static_cast<int64_t>(migrations.size());
  if (state.version == known) return absl::OkStatus();
  if (state.version > known) return NewerSchema(database.path(), state.version, known);
  if (state.version > 0) {
    std::string target = StrCat(backup_prefix, state.version);
    for (int i = 2; FileExists(target); ++i) {
      target = StrCat(backup_prefix, state.version, "-", i);
    }
    VIZSLA_RETURN_IF_ERROR(
        Annotate(BackUp(database, target), "the backup before the migration failed"));
    log::info("{}: migrating from schema {} to {}; the old one is kept in {}", database.path(),
              state.version, known, target);
  }
  absl::Status status = database.Execute("BEGIN IMMEDIATE");
  for (int64_t i = state.version; status.ok() && i < known; ++i) {
    status = database.Execute(migrations[static_cast<size_t>(i)]);
  }
  if (status.ok()) {
    status = database.Execute(StrCat("PRAGMA application_id = ", kApplicationId,
                                     "; PRAGMA user_version = ", known, "; COMMIT")
                                  .c_str());
  }
  if (status.ok()) return status;
  if (database.InTransaction()) (void)database.Execute("ROLLBACK");
  return Annotate(status, StrCat("the migration from schema ", state.version, " to ", known,
                                 " failed and was undone"));
}

}  // namespace vizsla
