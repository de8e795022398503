#include "src/study/trial_groups.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "src/base/check.h"
#include "src/study/confidence.h"
#include "src/study/pareto.h"

namespace vizsla {
namespace {

using Runs = std::span<const Trial* const>;

bool Counts(const Trial& run) {
  return (run.state == TrialState::kCompleted || run.state == TrialState::kPruned) && run.score &&
         std::isfinite(*run.score);
}

bool Diverged(const Trial& run) {
  return run.state == TrialState::kDiverged ||
         (IsFinished(run.state) && MayWin(run) && run.score && !std::isfinite(*run.score));
}

TrialState StateOf(Runs runs) {
  if (runs.size() == 1) return runs.front()->state;
  const auto any = [&](auto matches) {
    return std::any_of(runs.begin(), runs.end(), [&](const Trial* run) { return matches(*run); });
  };
  const auto any_is = [&](TrialState state) {
    return any([&](const Trial& run) { return run.state == state; });
  };
  if (any([](const Trial& run) { return !IsFinished(run.state); })) {
    if (any_is(TrialState::kRunning)) return TrialState::kRunning;
    // Begun, or not yet.
    return any([](const Trial& run) { return run.state != TrialState::kQueued; })
               ? TrialState::kRunning
               : TrialState::kQueued;
  }
  if (any(Diverged)) return TrialState::kDiverged;
  if (any_is(TrialState::kPruned)) return TrialState::kPruned;
  if (any_is(TrialState::kCompleted)) return TrialState::kCompleted;
  return runs.front()->state;
}

bool FreshHaveEnded(const TrialGroup& group) {
  return !group.fresh.empty() &&
         std::all_of(group.fresh.begin(), group.fresh.end(),
                     [](const Trial* run) { return IsFinished(run->state); });
}

// The runs that the group is ranked by.
Runs Ranking(const TrialGroup& group) { return FreshHaveEnded(group) ? group.fresh : group.search; }

bool HasFiniteScore(const Trial& one) {
  return MayWin(one) && one.score && std::isfinite(*one.score);
}

// What a group's place depends on.
struct Standing {
  Trial one;           // number, state, score and further values alone
  bool leads = false;  // by final runs
};

Standing StandingOf(const TrialGroup& group) {
  const Runs runs = Ranking(group);
  Standing standing;
  // Ties go to the configuration that was there first, not to the final runs that were made first.
  standing.one.number = group.first().number;
  if (runs.size() == 1) {
    standing.one.state = runs.front()->state;
    standing.one.score = runs.front()->score;
    standing.one.further_values = runs.front()->further_values;
  } else {
    const RunsSummary summary = Summarize(runs);
    standing.one.state = summary.state;
    standing.one.score = summary.mean;
  }
  standing.leads = FreshHaveEnded(group) && HasFiniteScore(standing.one);
  return standing;
}

bool RanksBefore(const Objective& objective, const Standing& a, const Standing& b) {
  if (a.leads != b.leads) return a.leads;
  return RanksBefore(objective, a.one, b.one);
}

}  // namespace

std::vector<TrialGroup> GroupTrials(std::span<const Trial> trials) {
  std::map<int64_t, TrialGroup> groups;
  for (const Trial& trial : trials) {
    TrialGroup& group = groups[GroupNumber(trial)];
    (trial.final_run ? group.fresh : group.search).push_back(&trial);
  }
  const auto by_number = [](const Trial* a, const Trial* b) { return a->number < b->number; };
  std::vector<TrialGroup> result;
  for (auto& [number, group] : groups) {
    std::sort(group.search.begin(), group.search.end(), by_number);
    std::sort(group.fresh.begin(), group.fresh.end(), by_number);
    if (group.search.empty() || group.first().number != number) continue;
    result.push_back(std::move(group));
  }
  return result;
}

RunsSummary Summarize(Runs runs) {
  VIZSLA_CHECK(!runs.empty());
  RunsSummary summary;
  summary.state = StateOf(runs);
  std::vector<double> scores;
  for (const Trial* run : runs) {
    summary.trials.push_back(run->number);
    if (Counts(*run)) scores.push_back(*run->score);
  }
  summary.scored = static_cast<int>(scores.size());
  const bool ended = IsFinished(summary.state) && summary.state != TrialState::kDiverged;
  if (!ended || scores.empty()) return summary;
  const MeanInterval interval = MeanWithInterval(scores);
  summary.mean = interval.mean;
  summary.half_width = interval.half_width;
  return summary;
}

Trial AsOneTrial(Runs runs) {
  VIZSLA_CHECK(!runs.empty());
  if (runs.size() == 1) return *runs.front();
  const RunsSummary summary = Summarize(runs);
  Trial one = *runs.front();
  one.state = summary.state;
  one.score = summary.mean;
  std::optional<int> epochs;
  for (const Trial* run : runs) {
    if (Counts(*run)) epochs = std::min(epochs.value_or(run->epoch), run->epoch);
  }
  one.epoch = epochs.value_or(0);
  return one;
}

bool RanksBefore(const Objective& objective, const TrialGroup& a, const TrialGroup& b) {
  return RanksBefore(objective, StandingOf(a), StandingOf(b));
}

std::vector<int> SortByRank(const Objective& objective, std::vector<TrialGroup>& groups) {
  std::vector<Standing> standings;
  for (const TrialGroup& group : groups) standings.push_back(StandingOf(group));
  std::vector<int> fronts(groups.size());
  if (!objective.further.empty()) {  // runs are not repeated then
    std::vector<Trial> ones;
    for (const Standing& standing : standings) ones.push_back(standing.one);
    fronts = FrontsOf(objective, ones);
  }
  std::vector<size_t> order(groups.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    // Those of no front rank after all others anyway.
    if (fronts[a] > 0 && fronts[b] > 0 && fronts[a] != fronts[b]) return fronts[a] < fronts[b];
    return RanksBefore(objective, standings[a], standings[b]);
  });
  std::vector<TrialGroup> sorted;
  std::vector<int> sorted_fronts;
  for (const size_t i : order) {
    sorted.push_back(std::move(groups[i]));
    if (!objective.further.empty()) sorted_fronts.push_back(fronts[i]);
  }
  groups = std::move(sorted);
  return sorted_fronts;
}

bool HasRank(const TrialGroup& group) {
  const Trial one = StandingOf(group).one;
  return MayWin(one) && one.score && !std::isnan(*one.score);
}

const Trial& Representative(const Objective& objective, const TrialGroup& group) {
  const Runs runs = Ranking(group);
  const Trial* best = nullptr;
  for (const Trial* run : runs) {
    if (!HasFiniteScore(*run)) continue;
    if (best == nullptr || RanksBefore(objective, *run, *best)) best = run;
  }
  return best != nullptr ? *best : *runs.front();
}

const Trial* FindBestRun(const Objective& objective, std::span<const Trial> trials) {
  const std::vector<TrialGroup> groups = GroupTrials(trials);
  const TrialGroup* best = nullptr;
  Standing best_standing;
  for (const TrialGroup& group : groups) {
    const Standing standing = StandingOf(group);
    if (!HasFiniteScore(standing.one)) continue;
    if (best != nullptr && !RanksBefore(objective, standing, best_standing)) continue;
    best = &group;
    best_standing = standing;
  }
  return best == nullptr ? nullptr : &Representative(objective, *best);
}

}  // namespace vizsla
