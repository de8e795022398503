#include "src/study/objective.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "src/base/str_cat.h"
#include "src/study/pareto.h"

namespace vizsla {
namespace {

// The groups of the leaderboard, in order.
enum class RankGroup { kScored, kNotANumber, kUnscored, kUnranked };

RankGroup GroupOf(const Objective& objective, const Trial& trial) {
  if (!MayWin(trial)) return RankGroup::kUnranked;
  if (!trial.score) return RankGroup::kUnscored;
  return HasFiniteValues(objective, trial) ? RankGroup::kScored : RankGroup::kNotANumber;
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
  const RankGroup group_a = GroupOf(objective, a);
  const RankGroup group_b = GroupOf(objective, b);
  if (group_a != group_b) return group_a < group_b;
  if (group_a == RankGroup::kScored) {
    if (IsBetter(objective.direction, *a.score, *b.score)) return true;
    if (IsBetter(objective.direction, *b.score, *a.score)) return false;
    for (size_t i = 0; i < objective.further.size(); ++i) {
      const Direction direction = objective.further[i].direction;
      if (IsBetter(direction, a.further_values[i], b.further_values[i])) return true;
      if (IsBetter(direction, b.further_values[i], a.further_values[i])) return false;
    }
  }
  return a.number < b.number;
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

void SortByRank(const Objective& objective, std::vector<Trial>& trials) {
  if (objective.further.empty()) {
    std::sort(trials.begin(), trials.end(),
              [&](const Trial& a, const Trial& b) { return RanksBefore(objective, a, b); });
    return;
  }
  const std::vector<int> fronts = FrontsOf(objective, trials);
  std::vector<size_t> places(trials.size());
  std::iota(places.begin(), places.end(), size_t{0});
  // Trials of no front rank after all others anyway.
  std::sort(places.begin(), places.end(), [&](size_t a, size_t b) {
    if (fronts[a] > 0 && fronts[b] > 0 && fronts[a] != fronts[b]) return fronts[a] < fronts[b];
    return RanksBefore(objective, trials[a], trials[b]);
  });
  std::vector<Trial> sorted;
  sorted.reserve(trials.size());
  for (const size_t place : places) sorted.push_back(std::move(trials[place]));
  trials = std::move(sorted);
}

const Trial* FindBest(const Objective& objective, std::span<const Trial> trials) {
  const Trial* best = nullptr;
  for (const Trial& trial : trials) {
    if (GroupOf(objective, trial) != RankGroup::kScored) continue;
    if (best == nullptr || RanksBefore(objective, trial, *best)) best = &trial;
  }
  return best;
}

}  // namespace vizsla
