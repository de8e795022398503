#include "src/storage/reader_pool.h"

#include "src/storage/rows.h"

namespace vizsla {

absl::Status ReaderPool::Run(const std::function<absl::Status(TrialReader&)>& query) {
  VIZSLA_ASSIGN_OR_RETURN(std::unique_ptr<Database> connection, Take());
  absl::Status status = connection->Execute("BEGIN");
  if (status.ok()) {
    Rows rows(*connection);
    status = query(rows);
    const absl::Status ended = connection->Execute("COMMIT");
    if (status.ok()) status = ended;
  }
  Give(std::move(connection));
  return status;
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
