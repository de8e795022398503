// Keeps the removal of an artifact and a report that names it from crossing: between "is it
// stored?" and the commit that names it, it cannot go; while it is being removed, nobody may begin
// to name it. Thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "src/scheduling/trial_store.h"

namespace vizsla {

class ArtifactGuard {
 public:
  // Holds the artifacts while it lives; empty hashes are ignored. Waits for a removal in progress.
  class Hold {
   public:
    Hold(ArtifactGuard& guard, std::vector<std::string> hashes);
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    ArtifactGuard& guard_;
    std::vector<std::string> hashes_;
  };

  // Removes the artifact unless it is held or `is_referenced` says true (asked while no one can
  // begin to hold it). True when it was removed.
  absl::StatusOr<bool> Remove(ArtifactIndex& artifacts, const std::string& hash,
                              const std::function<absl::StatusOr<bool>()>& is_referenced);

 private:
  std::mutex mutex_;
  std::condition_variable removed_;
  std::map<std::string, int> held_;  // guarded by mutex_, like the rest
  std::set<std::string> removing_;
};

}  // namespace vizsla
