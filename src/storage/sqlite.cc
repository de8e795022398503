#include "src/storage/sqlite.h"

#include <cerrno>
#include <cstring>

#include "src/base/check.h"

namespace vizsla {
namespace {

absl::Status ToStatus(int code, int system_error, const char* message, const std::string& path) {
  const bool out_of_space =
      system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG;
  switch (code & 0xff) {
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(
          StrCat(path, ": the disk is full; nothing of this change was stored"));
    case SQLITE_IOERR:
      if (out_of_space) {
        return absl::ResourceExhaustedError(
            StrCat(path, ": ", std::strerror(system_error), "; nothing of this change was stored"));
      }
      return absl::InternalError(
          StrCat(path, ": input/output error",
                 system_error != 0 ? StrCat(": ", std::strerror(system_error)) : ""));
    case SQLITE_NOTADB:
      return absl::DataLossError(StrCat(path, " is not a database"));
    case SQLITE_CORRUPT:
      return absl::DataLossError(StrCat(path, " is damaged: ", message));
    case SQLITE_CONSTRAINT:
      if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY) {
        return absl::AlreadyExistsError(StrCat(path, ": ", message));
      }
      return absl::FailedPreconditionError(StrCat(path, ": ", message));
    case SQLITE_CANTOPEN:
      if (system_error == ENOENT) {
        return absl::NotFoundError(StrCat(path, ": ", std::strerror(ENOENT)));
      }
      return absl::PermissionDeniedError(StrCat(
          path, ": cannot be opened: ", system_error != 0 ? std::strerror(system_error) : message));
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return absl::PermissionDeniedError(StrCat(path, ": ", message));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      // Not Unavailable: to a client that means that no coordinator answers.
      return absl::AbortedError(StrCat(path, ": ", message, "; nothing of this was done"));
    default:
      return absl::InternalError(StrCat(path, ": ", message, " (SQLite code ", code, ")"));
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& name, int flags,
                                                         const std::string& shown_path) {
  // Nobody asks how much memory SQLite uses, and it would take a lock for each allocation to know.
  // Without effect once the process has used SQLite.
  [[maybe_unused]] static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<Database> database(new Database(handle, shown_path));
  if (handle == nullptr) return absl::ResourceExhaustedError("no memory for SQLite");
  if (code != SQLITE_OK) return database->Error(sqlite3_extended_errcode(handle));
  sqlite3_extended_result_codes(handle, 1);
  // Only recovery after a crash and a closing peer ever hold locks that exclude others.
  sqlite3_busy_timeout(handle, 10'000);
  return database;
}

Database::~Database() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

absl::Status Database::Execute(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Error(code);
}

absl::StatusOr<int64_t> Database::ReadInt(const char* sql) {
  Query query(*this, sql);
  VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
  if (!found) return absl::InternalError(StrCat(path_, ": no result for ", sql));
  return query.Int(0);
}

absl::Status Database::Error(int code) const {
  // A failed COMMIT does not record the system's error; errno still holds it then.
  const int recorded = sqlite3_system_errno(handle_);
  return ToStatus(code, recorded != 0 ? recorded : errno, sqlite3_errmsg(handle_), path_);
}

Query::Query(Database& database, std::string_view sql) : database_(database) {
  const auto found = database.statements_.find(sql);
  if (found != database.statements_.end()) {
    statement_ = found->second;
    VIZSLA_CHECK(sqlite3_stmt_busy(statement_) == 0);
    return;
  }
  Check(sqlite3_prepare_v3(database.handle_, sql.data(), static_cast<int>(sql.size()),
                           SQLITE_PREPARE_PERSISTENT, &statement_, nullptr));
  if (status_.ok()) database.statements_.emplace(sql, statement_);
}

Query::~Query() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

void Query::Check(int code) {
  if (code != SQLITE_OK && status_.ok()) status_ = database_.Error(code);
}

Query& Query::Bind(int64_t value) {
  if (statement_ != nullptr) Check(sqlite3_bind_int64(statement_, ++bound_, value));
  return *this;
}

Query& Query::Bind(double value) {
  if (statement_ != nullptr) Check(sqlite3_bind_double(statement_, ++bound_, value));
  return *this;
}

Query& Query::Bind(std::string_view value) {
  // A null pointer would bind NULL.
  const char* text = value.data() != nullptr ? value.data() : "";
  if (statement_ != nullptr) {
    Check(
        sqlite3_bind_text64(statement_, ++bound_, text, value.size(), SQLITE_STATIC, SQLITE_UTF8));
  }
  return *this;
}

Query& Query::BindBlob(std::string_view bytes) {
  const char* data = bytes.data() != nullptr ? bytes.data() : "";
  if (statement_ != nullptr) {
    Check(sqlite3_bind_blob64(statement_, ++bound_, data, bytes.size(), SQLITE_STATIC));
  }
  return *this;
}

Query& Query::BindNull() {
  if (statement_ != nullptr) Check(sqlite3_bind_null(statement_, ++bound_));
  return *this;
}

absl::StatusOr<bool> Query::Next() {
  VIZSLA_RETURN_IF_ERROR(status_);
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return database_.Error(code);
}

absl::Status Query::Run() { return Next().status(); }

bool Query::IsNull(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

int64_t Query::Int(int column) const { return sqlite3_column_int64(statement_, column); }

double Query::Real(int column) const { return sqlite3_column_double(statement_, column); }

std::string Query::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return text != nullptr ? std::string(text, static_cast<size_t>(size)) : std::string();
}

std::string Query::Blob(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return data != nullptr ? std::string(data, static_cast<size_t>(size)) : std::string();
}

}  // namespace vizsla
