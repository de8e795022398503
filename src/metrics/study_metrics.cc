#include "src/metrics/study_metrics.h"

#include <algorithm>
#include <cmath>

#include "src/base/log.h"
#include "src/metrics/families.h"

namespace vizsla {
std::optional<double> BestScore(const Objective& objective,
                                const std::vector<StateSummary>& states) {
  std::optional<double> best;
  for (const StateSummary& summary : states) {
    Trial of_this_state;
    of_this_state.state = summary.state;
    if (!MayWin(of_this_state) || !summary.lowest_score) continue;
    const double candidate = objective.direction == Direction::kMinimize ? *summary.lowest_score
                                                                         : *summary.highest_score;
    if (!best || IsBetter(objective.direction, candidate, *best)) best = candidate;
  }
  return best;
}

absl::Status StudyMetrics::Refresh() {
  // Asked before reading: what changes meanwhile is read next time.
  const uint64_t version = scheduler_.version();
  if (version == version_) return absl::OkStatus();
  std::vector<StudyTotals> totals;
  int64_t without_series = 0;
  VIZSLA_RETURN_IF_ERROR(store_.Read([&](TrialReader& reader) -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(std::vector<Study> studies, reader.ListStudies());
    std::reverse(studies.begin(), studies.end());
    for (Study& study : studies) {
      if (totals.size() >= kStudiesWithSeries) {
        ++without_series;
        continue;
      }
      VIZSLA_ASSIGN_OR_RETURN(std::vector<StateSummary> states, reader.SummarizeStates(study.id));
      totals.push_back({std::move(study), std::move(states)});
    }
    return absl::OkStatus();
  }));
  version_ = version;
  totals_ = std::move(totals);
  without_series_ = without_series;
  return absl::OkStatus();
}

void StudyMetrics::Add(std::vector<prometheus::MetricFamily>& families) {
  using prometheus::MetricType;
  std::lock_guard lock(mutex_);  // scrapes are rare, and a second one wants the same answer
  const absl::Status read = Refresh();
  AddGauge(families, "vizsla_database_readable", "1 when the studies could be read.", read.ok());
  if (!read.ok()) {
    log::warn("metrics without studies: {}", read.ToString());
    return;
  }
  AddGauge(families, "vizsla_studies_without_series",
           "Older studies than those that have series of their own.",
           static_cast<double>(without_series_));
  Family states(families, MetricType::Gauge, "vizsla_study_state",
                "1 for the state that a study is in.");
  Family trials(families, MetricType::Gauge, "vizsla_trials", "Trials of a study by state.");
  Family scores(families, MetricType::Gauge, "vizsla_study_best_score",
                "Best score of a study so far, in its objective's metric.");
  for (const StudyTotals& each : totals_) {
    const std::string& name = each.study.spec.name;
    states.Gauge(1, {{"study", name}, {"state", std::string(ToText(each.study.state))}});
    for (const StateSummary& summary : each.states) {
      trials.Gauge(static_cast<double>(summary.trials),
                   {{"study", name}, {"state", std::string(ToText(summary.state))}});
    }
    const Objective& objective = each.study.spec.objective;
    if (const std::optional<double> best = BestScore(objective, each.states)) {
      scores.Gauge(*best, {{"study", name}, {"metric", objective.metric}});
    }
  }
}

}  // namespace vizsla
