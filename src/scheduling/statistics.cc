// What is counted, and the reading of it.
#include <chrono>

#include "src/scheduling/scheduler_impl.h"

namespace vizsla {

absl::StatusOr<std::optional<Configuration>> SchedulerImpl::Suggest(TrialReader& reader,
                                                                    const Study& study, int stage,
                                                                    const Trial* source) {
  const auto start = std::chrono::steady_clock::now();
  auto drawn = samplers_.Suggest(reader, study, stage, source);
  counters_.suggestions.Observe(std::chrono::steady_clock::now() - start);
  return drawn;
}

SchedulerStatistics SchedulerImpl::Statistics() const {
  SchedulerStatistics statistics;
  statistics.leases_granted = counters_.leases_granted;
  statistics.leases_expired = counters_.leases_expired;
  statistics.epochs_reported = counters_.epochs_reported;
  statistics.suggestions = counters_.suggestions.Snapshot();
  const Timestamp now = clock_.Now();
  std::lock_guard lock(mutex_);
  statistics.leases_held = static_cast<int64_t>(leases_.size());
  for (const auto& [id, worker] : workers_) {
    if (now - worker.last_seen <= options_.lease) ++statistics.workers_alive;
  }
  return statistics;
}

}  // namespace vizsla
