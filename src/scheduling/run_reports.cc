#include "src/scheduling/run_reports.h"

#include <algorithm>
#include <limits>

namespace vizsla {

std::span<const EpochReport> UpToEpoch(std::span<const EpochReport> reports, int last_epoch) {
  const auto end = std::find_if(reports.begin(), reports.end(), [&](const EpochReport& report) {
    return report.epoch > last_epoch;
  });
  return reports.first(static_cast<size_t>(end - reports.begin()));
}

const EpochReport* BestReport(const Objective& objective, std::span<const EpochReport> reports,
                              int last_epoch) {
  const std::span<const EpochReport> run = UpToEpoch(reports, last_epoch);
  const std::optional<Score> score = SelectScore(objective, run);
  if (!score) return nullptr;
  for (const EpochReport& report : run) {
    if (report.epoch == score->epoch) return &report;
  }
  return nullptr;
}

void UpdateScore(const Objective& objective, std::span<const EpochReport> reports, Trial& trial) {
  const EpochReport* best = BestReport(objective, reports, trial.epoch);
  if (best == nullptr) {
    trial.score.reset();
    trial.best_epoch = 0;
    trial.further_values.clear();
    trial.best_checkpoint.clear();
    return;
  }
  trial.score = best->metrics.at(objective.metric);
  trial.best_epoch = best->epoch;
  trial.further_values.clear();
  for (const FurtherObjective& further : objective.further) {
    const auto value = best->metrics.find(further.metric);
    trial.further_values.push_back(
        value == best->metrics.end() ? std::numeric_limits<double>::quiet_NaN() : value->second);
  }
  trial.best_checkpoint = best->checkpoint_hash;
}

std::vector<EpochReport> WithReport(std::span<const EpochReport> reports,
                                    const EpochReport& report) {
  std::vector<EpochReport> all(reports.begin(), reports.end());
  const auto place = std::find_if(all.begin(), all.end(), [&](const EpochReport& stored) {
    return stored.epoch >= report.epoch;
  });
  if (place != all.end() && place->epoch == report.epoch) {
    *place = report;
  } else {
    all.insert(place, report);
  }
  return all;
}

std::optional<Timestamp> LastReportTime(std::span<const EpochReport> reports,
                                        AttemptNumber attempt) {
  std::optional<Timestamp> last;
  for (const EpochReport& report : reports) {
    if (report.attempt == attempt) last = std::max(last, std::optional(report.reported_at));
  }
  return last;
}

bool RunHasDiverged(std::span<const EpochReport> reports, const Trial& trial) {
  const std::span<const EpochReport> run = UpToEpoch(reports, trial.epoch);
  return std::any_of(run.begin(), run.end(), HasDiverged);
}

}  // namespace vizsla
