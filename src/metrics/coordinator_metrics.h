// Everything the coordinator tells a monitoring system; docs/operations.md says what each means.
// Nothing of it costs a call more than a few atomic additions: the rest is gathered when asked for.
#pragma once

#include <prometheus/collectable.h>

#include <string>
#include <vector>

#include "src/metrics/folder_usage.h"
#include "src/metrics/study_metrics.h"
#include "src/rpc/server.h"
#include "src/scheduling/scheduler.h"
#include "src/storage/sqlite_trial_store.h"

namespace vizsla {

struct MetricsSources {  // all outlive the metrics
  const Scheduler& scheduler;
  SqliteTrialStore& store;
  const CoordinatorServer& server;
  std::string database;   // the file
  std::string artifacts;  // the folder
};

// Thread-safe.
class CoordinatorMetrics : public prometheus::Collectable {
 public:
  explicit CoordinatorMetrics(const MetricsSources& sources);
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const MetricsSources sources_;
  mutable StudyMetrics studies_;
  mutable FolderUsageCache artifacts_;
};

}  // namespace vizsla
