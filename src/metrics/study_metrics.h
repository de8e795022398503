// The studies of a database as metrics: trials by state, best scores. Only the newest studies have
// series of their own, so that their number is bounded; a deleted study's are gone with the next
// scrape.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <mutex>
#include <vector>

#include "src/scheduling/scheduler.h"
#include "src/scheduling/trial_store.h"

namespace vizsla {

inline constexpr int kStudiesWithSeries = 100;

// Reads the store when the scheduler says that something may have changed since the last time.
// Thread-safe.
class StudyMetrics {
 public:
  // Both outlive the object.
  StudyMetrics(const Scheduler& scheduler, TrialStore& store)
      : scheduler_(scheduler), store_(store) {}

  // vizsla_database_readable is 0, and the rest missing, when the store could not be read.
  void Add(std::vector<prometheus::MetricFamily>& families);

 private:
  struct StudyTotals {
    Study study;
    std::vector<StateSummary> states;
  };
  absl::Status Refresh();  // mutex_ is held

  const Scheduler& scheduler_;
  TrialStore& store_;
  std::mutex mutex_;                 // guards everything below
  uint64_t version_ = 0;             // of the scheduler, when the totals were read; 0: never
  std::vector<StudyTotals> totals_;  // the newest first
  int64_t without_series_ = 0;
};

// The best score among trials that may win; nullopt when no number is there. Pure.
std::optional<double> BestScore(const Objective& objective,
                                const std::vector<StateSummary>& states);

}  // namespace vizsla
