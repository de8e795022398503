// What a scheduler has done since it was made, and what it holds now: for whoever watches it.
#pragma once

#include <atomic>
#include <cstdint>

#include "src/base/histogram.h"

namespace vizsla {

struct SchedulerStatistics {
  int64_t workers_alive = 0;  // heard of within a lease
  int64_t leases_held = 0;
  uint64_t leases_granted = 0;
  uint64_t leases_expired = 0;   // trials that went back to the queue, or failed, for it
  uint64_t epochs_reported = 0;  // stored ones; repeated reports do not count
  // Of samplers, in seconds; also those only asked whether a study goes on.
  HistogramSnapshot suggestions;
};

// The counts themselves. Thread-safe; each is raised after the commit that it tells of.
struct SchedulerCounters {
  std::atomic<uint64_t> leases_granted{0};
  std::atomic<uint64_t> leases_expired{0};
  std::atomic<uint64_t> epochs_reported{0};
  Histogram suggestions{LatencyBounds()};
};

}  // namespace vizsla
