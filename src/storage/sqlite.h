// A thin wrapper of SQLite: connections, cached prepared statements, errors as sentences. Used by
// src/storage alone. Nothing here is thread-safe; a connection belongs to one thread at a time.
#pragma once

#include <sqlite3.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "src/base/clock.h"
#include "src/base/status.h"
#include "src/base/strong_id.h"

namespace vizsla {

class Database {
 public:
  // `name` is a path, or a file: URI when SQLITE_OPEN_URI is in `flags`. Messages show
  // `shown_path`.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& name, int flags,
                                                        const std::string& shown_path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs statements without parameters or results.
  absl::Status Execute(const char* sql);
  absl::StatusOr<int64_t> ReadInt(const char* sql);  // the first column of the first row

  // The connection's last failure: full disk is ResourceExhausted, a damaged or foreign file is
  // DataLoss, a unique constraint is AlreadyExists, a lock of another program's is Aborted.
  absl::Status Error(int code) const;

  // False after a statement failed so badly that SQLite rolled the transaction back itself.
  bool InTransaction() const { return sqlite3_get_autocommit(handle_) == 0; }
  int64_t LastInsertId() const { return sqlite3_last_insert_rowid(handle_); }
  sqlite3* handle() { return handle_; }
  const std::string& path() const { return path_; }

 private:
  friend class Query;
  Database(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}

  sqlite3* handle_;
  std::string path_;
  // Compares long texts with long common beginnings at a glance.
  struct BySizeThenText {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const {
      return a.size() != b.size() ? a.size() < b.size() : a < b;
    }
  };
  // By their text; each is reset when its Query ends.
  std::map<std::string, sqlite3_stmt*, BySizeThenText> statements_;
};

// One use of a cached statement: bind, step, read columns. The same text must not be in use twice
// at once. Failures are returned by Next and Run.
class Query {
 public:
  Query(Database& database, std::string_view sql);
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  // Binds to ?1, ?2, ... in order. Text must live until the Query ends.
  Query& Bind(int64_t value);
  Query& Bind(int value) { return Bind(static_cast<int64_t>(value)); }
  Query& Bind(double value);
  Query& Bind(std::string_view value);
  Query& BindBlob(std::string_view bytes);  // these, too, must live until the Query ends
  Query& BindNull();
  template <typename Tag>
  Query& Bind(StrongId<Tag> id) {
    return Bind(id.value());
  }
  Query& Bind(Timestamp time) { return Bind(ToUnixMillis(time)); }
  Query& Bind(Milliseconds duration) { return Bind(static_cast<int64_t>(duration.count())); }
  template <typename T>
  Query& Bind(const std::optional<T>& value) {
    return value ? Bind(*value) : BindNull();
  }

  absl::StatusOr<bool> Next();  // true: there is a row
  absl::Status Run();           // for statements without rows

  // Columns of the current row, from 0.
  bool IsNull(int column) const;
  int64_t Int(int column) const;
  double Real(int column) const;
  std::string Text(int column) const;
  std::string Blob(int column) const;

 private:
  void Check(int code);

  Database& database_;
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
  absl::Status status_;
};

}  // namespace vizsla
