#include "src/scheduling/trial_changes.h"

namespace vizsla {

int64_t TrialChanges::Track(StudyId study) {
  std::lock_guard lock(mutex_);
  Log& log = logs_[study];
  if (log.tracking != 0) return log.tracking;
  log.tracking = ++trackings_;
  for (const auto& [first, changes] : open_) {
    for (const Change& change : changes) {
      if (change.study == study) Add(log, change);
    }
  }
  return log.tracking;
}

bool TrialChanges::IsTracked(StudyId study, int64_t tracking) const {
  std::lock_guard lock(mutex_);
  const auto log = logs_.find(study);
  return log != logs_.end() && log->second.tracking == tracking;
}

int64_t TrialChanges::Settled() const {
  std::lock_guard lock(mutex_);
  return open_.empty() ? last_ : open_.begin()->first - 1;
}

std::optional<std::vector<TrialId>> TrialChanges::Since(StudyId study, int64_t tracking,
                                                        int64_t position) const {
  std::lock_guard lock(mutex_);
  const auto log = logs_.find(study);
  if (log == logs_.end() || log->second.tracking != tracking) return std::nullopt;
  std::vector<TrialId> trials;
  const auto& in_order = log->second.in_order;
  for (auto at = in_order.upper_bound(position); at != in_order.end(); ++at) {
    trials.push_back(at->second);
  }
  return trials;
}

void TrialChanges::Trim(StudyId study, int64_t position) {
  std::lock_guard lock(mutex_);
  const auto log = logs_.find(study);
  if (log == logs_.end()) return;
  auto& in_order = log->second.in_order;
  while (!in_order.empty() && in_order.begin()->first <= position) {
    log->second.newest.erase(in_order.begin()->second);
    in_order.erase(in_order.begin());
  }
}

void TrialChanges::Forget(StudyId study) {
  std::lock_guard lock(mutex_);
  logs_.erase(study);
}

void TrialChanges::Note(StudyId study, TrialId trial, Transaction& transaction) {
  std::lock_guard lock(mutex_);
  const Change change{++last_, study, trial};
  if (transaction.first_ == 0) transaction.first_ = change.position;
  open_[transaction.first_].push_back(change);
  const auto log = logs_.find(study);
  if (log == logs_.end()) return;
  Add(log->second, change);
  if (log->second.newest.size() > kMostTracked) logs_.erase(log);
}

void TrialChanges::Add(Log& log, const Change& change) {
  const auto [entry, added] = log.newest.try_emplace(change.trial, change.position);
  if (!added) {
    log.in_order.erase(entry->second);
    entry->second = change.position;
  }
  log.in_order.emplace(change.position, change.trial);
}

void TrialChanges::Settle(const Transaction& transaction) {
  if (transaction.first_ == 0) return;
  std::lock_guard lock(mutex_);
  open_.erase(transaction.first_);
}

}  // namespace vizsla
