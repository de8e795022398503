#include "src/metrics/coordinator_metrics.h"

#include <chrono>

#include "src/base/str_cat.h"
#include "src/metrics/families.h"
#include "src/metrics/process_metrics.h"
#include "src/rpc/client.h"

namespace vizsla {
namespace {

using Families = std::vector<prometheus::MetricFamily>;
using prometheus::MetricType;

// A walk over a folder of a hundred thousand checkpoints takes a second or so.
constexpr std::chrono::minutes kArtifactsAge{1};

void AddBuildInfo(Families& families) {
  Family(families, MetricType::Gauge, "vizsla_build_info", "1; the labels say what runs.")
      .Gauge(1, {{"version", VIZSLA_VERSION},
                 {"protocol", StrCat(kProtocolVersion)},
                 {"schema", StrCat(CurrentSchemaVersion())}});
}

void AddCalls(Families& families, const std::vector<MethodStatistics>& methods) {
  Family ended(families, MetricType::Counter, "vizsla_rpc_calls_total",
               "Calls that have ended, by method and gRPC status code.");
  Family running(families, MetricType::Gauge, "vizsla_rpc_running_calls", "Calls that run now.");
  Family seconds(families, MetricType::Histogram, "vizsla_rpc_duration_seconds",
                 "From the headers of a call to its end.");
  for (const MethodStatistics& each : methods) {
    for (int code = 0; code < kCallCodes; ++code) {
      const uint64_t count = each.ended[static_cast<size_t>(code)];
      if (count == 0) continue;
      ended.Counter(static_cast<double>(count), {{"service", each.service},
                                                 {"method", each.method},
                                                 {"code", std::string(CodeName(code))}});
    }
    running.Gauge(static_cast<double>(each.running),
                  {{"service", each.service}, {"method", each.method}});
    seconds.Histogram(each.seconds, {{"service", each.service}, {"method", each.method}});
  }
}

void AddScheduler(Families& families, const SchedulerStatistics& statistics) {
  AddGauge(families, "vizsla_workers_alive", "Workers heard of within a lease.",
           static_cast<double>(statistics.workers_alive));
  AddGauge(families, "vizsla_leases_held", "Trials that are leased to a worker.",
           static_cast<double>(statistics.leases_held));
  AddCounter(families, "vizsla_leases_granted_total", "Leases granted.",
             static_cast<double>(statistics.leases_granted));
  AddCounter(families, "vizsla_leases_expired_total",
             "Leases that ran out: a worker died, hung or lost its way here.",
             static_cast<double>(statistics.leases_expired));
  AddCounter(families, "vizsla_epochs_reported_total", "Epochs that were reported and stored.",
             static_cast<double>(statistics.epochs_reported));
  Family(families, MetricType::Histogram, "vizsla_suggestion_duration_seconds",
         "Time samplers took for a suggestion.")
      .Histogram(statistics.suggestions);
}

void AddDatabase(Families& families, const WriteStatistics& statistics,
                 const std::string& database) {
  Family(families, MetricType::Histogram, "vizsla_database_commit_duration_seconds",
         "Time a commit took until it was durable.")
      .Histogram(statistics.commit_seconds);
  Family(families, MetricType::Histogram, "vizsla_database_commit_changes",
         "Changes that shared a commit.")
      .Histogram(statistics.group_sizes);
  AddCounter(families, "vizsla_database_failed_commits_total",
             "Commits that failed, mostly for a full disk.",
             static_cast<double>(statistics.failed_commits));
  Family bytes(families, MetricType::Gauge, "vizsla_database_bytes",
               "Size of the database file and of its write-ahead log.");
  bytes.Gauge(static_cast<double>(FileBytes(database)), {{"file", "database"}});
  bytes.Gauge(static_cast<double>(FileBytes(database + "-wal")), {{"file", "log"}});
}

void AddDisk(Families& families, const std::string& database, const std::string& artifacts) {
  Family free(families, MetricType::Gauge, "vizsla_disk_free_bytes",
              "Free on the file system that holds the database, and the artifacts.");
  for (const auto& [place, path] : {std::pair{"database", database}, {"artifacts", artifacts}}) {
    if (const auto bytes = FreeBytes(path)) {
      free.Gauge(static_cast<double>(*bytes), {{"place", place}});
    }
  }
}

}  // namespace

CoordinatorMetrics::CoordinatorMetrics(const MetricsSources& sources)
    : sources_(sources),
      studies_(sources.scheduler, sources.store),
      artifacts_(sources.artifacts, kArtifactsAge) {}

std::vector<prometheus::MetricFamily> CoordinatorMetrics::Collect() const {
  Families families;
  AddBuildInfo(families);
  AddCalls(families, sources_.server.CallsByMethod());
  AddScheduler(families, sources_.scheduler.Statistics());
  studies_.Add(families);
  AddDatabase(families, sources_.store.Statistics(), sources_.database);
  const FolderUsage artifacts = artifacts_.Get();
  AddGauge(families, "vizsla_artifact_bytes",
           "Size of the checkpoints, weights and splits, at most a minute old.",
           static_cast<double>(artifacts.bytes));
  AddGauge(families, "vizsla_artifacts", "Files among the artifacts, at most a minute old.",
           static_cast<double>(artifacts.files));
  AddDisk(families, sources_.database, sources_.artifacts);
  AddProcessMetrics(families);
  return families;
}

}  // namespace vizsla
