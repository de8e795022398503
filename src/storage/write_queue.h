// Group commit: one thread runs queued changes, each in a savepoint of a shared transaction,
// commits once, and only then answers their callers. While one group is being fsynced the next one
// gathers.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "absl/synchronization/notification.h"
#include "src/scheduling/trial_store.h"
#include "src/storage/running_trials.h"
#include "src/storage/sqlite.h"
#include "src/storage/write_statistics.h"

namespace vizsla {

class WriteQueue {
 public:
  // Owns the connection; nobody else uses it from now on.
  explicit WriteQueue(std::unique_ptr<Database> database);
  ~WriteQueue();  // runs what is queued, then ends the thread and closes the connection

  // Blocks until the change is durable or undone. Must not be called from within a change.
  absl::Status Run(const std::function<absl::Status(TrialWriter&)>& change);

  // See TrialStore. Thread-safe.
  uint64_t FailedCommits() const { return failed_commits_; }
  WriteStatistics Statistics() const;

 private:
  struct Job {
    explicit Job(const std::function<absl::Status(TrialWriter&)>& change) : change(change) {}
    const std::function<absl::Status(TrialWriter&)>& change;
    absl::Status status;
    absl::Notification answered;  // for its caller alone: hundreds may wait
  };

  void Loop();
  absl::Status RunGroup(const std::deque<Job*>& group);
  absl::Status RunOne(Job& job);
  // A statement without rows that is used again and again.
  absl::Status RunCached(std::string_view sql);

  std::unique_ptr<Database> database_;  // the thread's
  RunningTrials running_;               // the thread's
  std::mutex mutex_;
  std::condition_variable work_;  // for the thread
  std::deque<Job*> queue_;        // guarded by mutex_
  bool stopping_ = false;         // guarded by mutex_
  std::atomic<uint64_t> failed_commits_{0};
  Histogram commit_seconds_{LatencyBounds()};
  Histogram group_sizes_;
  std::thread thread_;
};

}  // namespace vizsla
