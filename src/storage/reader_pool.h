// A few read-only connections; each query runs in a transaction of its own, which is a snapshot.
// Thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "src/scheduling/trial_store.h"
#include "src/storage/sqlite.h"

namespace vizsla {

class ReaderPool {
 public:
  using Connect = std::function<absl::StatusOr<std::unique_ptr<Database>>()>;

  // Connections are opened when they are first needed, at most `size`.
  ReaderPool(Connect connect, int size) : connect_(std::move(connect)), unopened_(size) {}

  // Blocks while all connections are busy.
  absl::Status Run(const std::function<absl::Status(TrialReader&)>& query);

 private:
  absl::StatusOr<std::unique_ptr<Database>> Take();
  void Give(std::unique_ptr<Database> connection);  // null: it is not open

  Connect connect_;
  std::mutex mutex_;
  std::condition_variable free_;
  std::vector<std::unique_ptr<Database>> idle_;  // guarded by mutex_
  int unopened_;                                 // guarded by mutex_
};

}  // namespace vizsla
