#include "src/storage/reader_pool.h"

#include "absl/cleanup/cleanup.h"
#include "src/storage/rows.h"

namespace vizsla {

absl::Status ReaderPool::Run(const std::function<absl::Status(TrialReader&)>& query) {
  VIZSLA_ASSIGN_OR_RETURN(std::unique_ptr<Database> connection, Take());
  const absl::Cleanup give_back = [&] {  // also when the query throws
    // A snapshot that does not end spoils its connection: another one is opened when needed.
    if (connection->InTransaction() && !connection->Execute("COMMIT").ok()) connection.reset();
    Give(std::move(connection));
  };
  VIZSLA_RETURN_IF_ERROR(connection->Execute("BEGIN"));
  Rows rows(*connection);
  return query(rows);
}

absl::StatusOr<std::unique_ptr<Database>> ReaderPool::Take() {
  {
    std::unique_lock lock(mutex_);
    free_.wait(lock, [&] { return !idle_.empty() || unopened_ > 0; });
    if (!idle_.empty()) {
      std::unique_ptr<Database> connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
    --unopened_;
  }
  auto opened = connect_();
  if (!opened.ok()) Give(nullptr);
  return opened;
}

void ReaderPool::Give(std::unique_ptr<Database> connection) {
  {
    std::lock_guard lock(mutex_);
    if (connection != nullptr) {
      idle_.push_back(std::move(connection));
    } else {
      ++unopened_;
    }
  }
  free_.notify_one();
}

}  // namespace vizsla
