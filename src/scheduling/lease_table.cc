#include "src/scheduling/lease_table.h"

namespace vizsla {
namespace {

std::string Seconds(Milliseconds duration) { return StrCat(duration.count() / 1000, " s"); }

bool SameProgress(const Progress& a, const Progress& b) {
  return a.epoch == b.epoch && a.steps_done == b.steps_done && a.steps_total == b.steps_total;
}

}  // namespace

const LeaseTable::Lease* LeaseTable::Find(const LeaseKey& key) const {
  const auto found = leases_.find(key.trial);
  return found != leases_.end() && found->second.attempt == key.attempt ? &found->second : nullptr;
}

void LeaseTable::Grant(const LeaseKey& key, Timestamp now) {
  const auto found = leases_.find(key.trial);
  if (found != leases_.end() && found->second.attempt >= key.attempt) return;
  leases_.insert_or_assign(key.trial, Lease{key.attempt, now + lease_, now, now, std::nullopt});
}

bool LeaseTable::Beat(const LeaseKey& key, const Progress& progress, Timestamp now) {
  Grant(key, now);
  const auto found = leases_.find(key.trial);
  if (found->second.attempt != key.attempt) return false;
  Lease& lease = found->second;
  const bool moved = !lease.progress || !SameProgress(*lease.progress, progress);
  lease.heard_at = now;
  lease.progress = progress;
  if (moved) lease.moved_at = now;
  if (now - lease.moved_at < stall_) lease.deadline = now + lease_;
  return moved;
}

void LeaseTable::Renew(const LeaseKey& key, Timestamp now) {
  const auto found = leases_.find(key.trial);
  if (found == leases_.end() || found->second.attempt < key.attempt) return Grant(key, now);
  Lease& lease = found->second;
  if (lease.attempt != key.attempt) return;
  lease.heard_at = lease.moved_at = now;
  lease.deadline = now + lease_;
}

void LeaseTable::RenewAll(Timestamp now) {
  for (const auto& [trial, lease] : leases_) Renew({trial, lease.attempt}, now);
}

void LeaseTable::Erase(const LeaseKey& key) {
  if (Find(key) != nullptr) leases_.erase(key.trial);
}

bool LeaseTable::Holds(const LeaseKey& key) const { return Find(key) != nullptr; }

bool LeaseTable::IsExpired(const LeaseKey& key, Timestamp now) const {
  const Lease* lease = Find(key);
  return lease != nullptr && lease->deadline <= now;
}

std::string LeaseTable::ExpiryReason(const LeaseKey& key, Timestamp now) const {
  const Lease* lease = Find(key);
  if (lease == nullptr) return "the lease ran out";
  if (now - lease->heard_at >= lease_) {
    return StrCat("the lease ran out: no heartbeat for ", Seconds(now - lease->heard_at));
  }
  return StrCat("the lease ran out: no progress for ", Seconds(now - lease->moved_at));
}

std::vector<LeaseKey> LeaseTable::Expired(Timestamp now) const {
  std::vector<LeaseKey> expired;
  for (const auto& [trial, lease] : leases_) {
    if (lease.deadline <= now) expired.push_back({trial, lease.attempt});
  }
  return expired;
}

std::map<TrialId, Progress> LeaseTable::AllProgress() const {
  std::map<TrialId, Progress> all;
  for (const auto& [trial, lease] : leases_) {
    if (lease.progress) all.emplace(trial, *lease.progress);
  }
  return all;
}

}  // namespace vizsla
