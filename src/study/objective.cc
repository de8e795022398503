#include "src/study/objective.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "src/base/str_cat.h"

namespace vizsla {
namespace {

// The groups of the leaderboard, in order.
enum class RankGroup { kScored, kNotANumber, kUnscored, kUnranked };

RankGroup GroupOf(const Objective& objective, const Trial& trial) {
  if (!MayWin(trial)) return RankGroup::kUnranked;
  if (!trial.score) return RankGroup::kUnscored;
  return HasFiniteValues(objective, trial) ? RankGroup::kScored : RankGroup::kNotANumber;
}

double LossOf(Direction direction, double value) {
  return direction == Direction::kMinimize ? value : -value;
}

// The newest attempt's report of each epoch.
std::map<int, const EpochReport*> ByEpoch(std::span<const EpochReport> reports) {
  std::map<int, const EpochReport*> newest;
  for (const EpochReport& report : reports) {
    const EpochReport*& entry = newest[report.epoch];
    if (entry == nullptr || entry->attempt <= report.attempt) entry = &report;
  }
  return newest;
}

std::optional<Score> Select(const Objective& objective,
                            const std::map<int, const EpochReport*>& reports) {
  std::optional<Score> selected;
  double selected_by = 0;
  for (const auto& [epoch, report] : reports) {
    const auto value = report->metrics.find(objective.metric);
    const auto by = report->metrics.find(objective.select_by);
    if (value == report->metrics.end() || by == report->metrics.end()) continue;
    const bool replaces = !selected || objective.last_epoch ||
                          IsBetter(objective.select_direction, by->second, selected_by);
    if (!replaces) continue;
    selected = Score{epoch, value->second};
    selected_by = by->second;
  }
  return selected;
}

}  // namespace

Direction DefaultDirection(std::string_view metric) {
  return metric == "loss" || metric.ends_with("_loss") || IsCostMetric(metric)
             ? Direction::kMinimize
             : Direction::kMaximize;
}

bool IsCostMetric(std::string_view metric) {
  return metric == kParametersMetric || metric == kMultiplyAddsMetric ||
         metric == kModelBytesMetric || metric == kLatencyMetric;
}

std::vector<Direction> DirectionsOf(const Objective& objective) {
  std::vector<Direction> directions = {objective.direction};
  for (const FurtherObjective& further : objective.further) directions.push_back(further.direction);
  return directions;
}

std::string MetricsText(const Objective& objective) {
  std::string text = objective.metric;
  for (const FurtherObjective& further : objective.further) {
    absl::StrAppend(&text, ", ", further.metric);
  }
  return text;
}

bool IsBetter(Direction direction, double a, double b) {
  if (std::isnan(a)) return false;
  if (std::isnan(b)) return true;
  return direction == Direction::kMinimize ? a < b : a > b;
}

std::optional<Score> SelectScore(const Objective& objective, std::span<const EpochReport> reports) {
  return Select(objective, ByEpoch(reports));
}

bool BecomesBest(const Objective& objective, std::span<const EpochReport> reports,
                 const EpochReport& candidate) {
  std::map<int, const EpochReport*> all = ByEpoch(reports);
  all[candidate.epoch] = &candidate;
  const std::optional<Score> selected = Select(objective, all);
  return selected && selected->epoch == candidate.epoch;
}

bool HasDiverged(const EpochReport& report) {
  return std::any_of(report.metrics.begin(), report.metrics.end(),
                     [](const auto& metric) { return !std::isfinite(metric.second); });
}

bool RanksBefore(const Objective& objective, const Trial& a, const Trial& b) {
  return RankOf(objective, a) < RankOf(objective, b);
}

Rank RankOf(const Objective& objective, const Trial& trial) {
  const RankGroup group = GroupOf(objective, trial);
  Rank rank;
  rank.group = static_cast<int>(group);
  rank.number = trial.number;
  if (group != RankGroup::kScored) return rank;
  rank.loss = LossOf(objective.direction, *trial.score);
  for (size_t i = 0; i < objective.further.size(); ++i) {
    rank.further_losses.push_back(LossOf(objective.further[i].direction, trial.further_values[i]));
  }
  return rank;
}

bool MayWin(const Trial& trial) {
  switch (trial.state) {
    case TrialState::kDiverged:
    case TrialState::kFailed:
    case TrialState::kInfeasible:
    case TrialState::kCancelled:
      return false;
    default:
      return true;
  }
}

bool HasFiniteValues(const Objective& objective, const Trial& trial) {
  return trial.score && std::isfinite(*trial.score) &&
         trial.further_values.size() == objective.further.size() &&
         std::all_of(trial.further_values.begin(), trial.further_values.end(),
                     [](double value) { return std::isfinite(value); });
}

}  // namespace vizsla
