// The deadlines of running leases. Derived: lost with the process, made anew from the RUNNING
// trials. A beat renews a lease only while its progress moves. Not thread-safe.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "src/scheduling/scheduler.h"

namespace vizsla {

struct LeaseKey {
  TrialId trial;
  AttemptNumber attempt;
  bool operator==(const LeaseKey&) const = default;
};

class LeaseTable {
 public:
  LeaseTable(Milliseconds lease, Milliseconds stall) : lease_(lease), stall_(stall) {}

  // Starts a lease, or keeps the one of this very attempt. A newer attempt's is never replaced.
  void Grant(const LeaseKey& key, Timestamp now);
  // Progress came with a beat; true when it moved. Unknown keys are granted first.
  bool Beat(const LeaseKey& key, const Progress& progress, Timestamp now);
  // An epoch was reported: progress beyond doubt.
  void Renew(const LeaseKey& key, Timestamp now);
  // As if every holder had just made progress.
  void RenewAll(Timestamp now);
  void Erase(const LeaseKey& key);
  void EraseTrial(TrialId trial) { leases_.erase(trial); }

  bool Holds(const LeaseKey& key) const;
  bool IsExpired(const LeaseKey& key, Timestamp now) const;
  // "no heartbeat for 30 s", or "no progress for 600 s".
  std::string ExpiryReason(const LeaseKey& key, Timestamp now) const;
  std::vector<LeaseKey> Expired(Timestamp now) const;
  std::map<TrialId, Progress> AllProgress() const;
  size_t size() const { return leases_.size(); }

 private:
  struct Lease {
    AttemptNumber attempt;
    Timestamp deadline;
    Timestamp heard_at;
    Timestamp moved_at;
    std::optional<Progress> progress;
  };
  const Lease* Find(const LeaseKey& key) const;

  const Milliseconds lease_;
  const Milliseconds stall_;
  std::map<TrialId, Lease> leases_;
};

}  // namespace vizsla
