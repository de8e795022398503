// A TrialStore in memory: for simulations and tests. It passes the same conformance suite as the
// one on disk; what it stores lives as long as the object.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>

#include "src/scheduling/trial_store.h"

namespace vizsla {

class MemoryTrialStore : public TrialStore {
 public:
  MemoryTrialStore();
  ~MemoryTrialStore() override;

  absl::Status Write(const std::function<absl::Status(TrialWriter&)>& change) override;
  uint64_t FailedCommits() const override { return failed_commits_; }
  absl::Status Read(const std::function<absl::Status(TrialReader&)>& query) override;

  // Asked before each commit; a status other than ok makes the commit fail (a full disk).
  void SetCommitHook(std::function<absl::Status()> hook);

  struct Tables;

 private:
  std::mutex write_mutex_;  // one change at a time
  std::atomic<uint64_t> failed_commits_{0};
  std::mutex mutex_;
  std::shared_ptr<const Tables> tables_;  // guarded by mutex_; replaced whole by each commit
  std::function<absl::Status()> commit_hook_;
};

}  // namespace vizsla
