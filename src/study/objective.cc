#include "src/study/objective.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace vizsla {
namespace {

// The groups of the leaderboard, in order.
enum class RankGroup { kScored, kNotANumber, kUnscored, kUnranked };

RankGroup GroupOf(const Trial& trial) {
  if (!MayWin(trial)) return RankGroup::kUnranked;
  if (!trial.score) return RankGroup::kUnscored;
  return std::isfinite(*trial.score) ? RankGroup::kScored : RankGroup::kNotANumber;
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
  return metric == "loss" || metric.ends_with("_loss") ? Direction::kMinimize
                                                       : Direction::kMaximize;
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
  const RankGroup group_a = GroupOf(a);
  const RankGroup group_b = GroupOf(b);
  if (group_a != group_b) return group_a < group_b;
  if (group_a == RankGroup::kScored) {
    if (IsBetter(objective.direction, *a.score, *b.score)) return true;
    if (IsBetter(objective.direction, *b.score, *a.score)) return false;
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

void SortByRank(const Objective& objective, std::vector<Trial>& trials) {
  std::sort(trials.begin(), trials.end(),
            [&](const Trial& a, const Trial& b) { return RanksBefore(objective, a, b); });
}

const Trial* FindBest(const Objective& objective, std::span<const Trial> trials) {
  const Trial* best = nullptr;
  for (const Trial& trial : trials) {
    if (GroupOf(trial) != RankGroup::kScored) continue;
    if (best == nullptr || RanksBefore(objective, trial, *best)) best = &trial;
  }
  return best;
}

}  // namespace vizsla
