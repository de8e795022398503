// The runs of one configuration as one thing: what they say together, how configurations rank,
// which run's weights stand for a configuration. The policy for runs that failed or diverged is
// here; ties and NaN are objective.h's. Pure.
//
// - A group counts when all its runs have ended. Before, it has no mean and no rank: one lucky
//   seed does not lead. (A group of one run is that run, which ranks while it still trains.)
// - Its mean is over the runs that COMPLETED or were PRUNED with a finite score. A pruned run's
//   score is of the epochs that it had: the configuration looks no better for being cut.
// - One DIVERGED run, or one whose score is NaN, and the group has diverged: it never wins. The
//   mean of the seeds that went well would hide that others do not.
// - FAILED, INFEASIBLE and CANCELLED runs say nothing about the configuration and are left out; n
//   is smaller then. When no other is left, the group ends as its first run did.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "src/study/objective.h"
#include "src/study/trial.h"

namespace vizsla {

// What several runs say together.
struct RunsSummary {
  std::vector<int64_t> trials;             // the runs' numbers, ascending
  TrialState state = TrialState::kQueued;  // as if they were one trial
  int scored = 0;                          // n: the runs behind the mean
  std::optional<double> mean;              // absent: not all have ended, or none counts
  std::optional<double> half_width;        // of the 95 % interval; absent for n = 1
  bool operator==(const RunsSummary&) const = default;
};

// A configuration with its runs, which point into the trials that were grouped, in order of number.
struct TrialGroup {
  std::vector<const Trial*> search;  // the first run and its repeats; never empty
  std::vector<const Trial*> fresh;   // final runs
  const Trial& first() const { return *search.front(); }
};

// By the first run's number. `trials` must outlive the groups; a run whose first is not among them
// is left out.
std::vector<TrialGroup> GroupTrials(std::span<const Trial> trials);

RunsSummary Summarize(std::span<const Trial* const> runs);

// The runs as one trial for who knows only trials (samplers, RanksBefore): the first run with the
// state, the mean as its score and the fewest epochs of the runs that count. Of a single run: that
// run.
Trial AsOneTrial(std::span<const Trial* const> runs);

// Configurations whose final runs have all ended first, by these alone; then the others, by the
// search's runs. Ties: the configuration that was there first. With several objectives, SortByRank
// goes front by front and returns each group's front in the new order (pareto.h; 0: none). Empty
// for one objective.
bool RanksBefore(const Objective& objective, const TrialGroup& a, const TrialGroup& b);
std::vector<int> SortByRank(const Objective& objective, std::vector<TrialGroup>& groups);
// Whether the group has a place: an ended group (or a single run) with a finite mean that may win.
bool HasRank(const TrialGroup& group);

// The run with the best score among those that the group is ranked by: its weights stand for the
// group. The first of them while none has a score.
const Trial& Representative(const Objective& objective, const TrialGroup& group);

// The best configuration's representative; without repeats and final runs FindBest of objective.h.
const Trial* FindBestRun(const Objective& objective, std::span<const Trial> trials);

// The number of the first run of the trial's group: its own when it is that.
inline int64_t GroupNumber(const Trial& trial) {
  return trial.repeat_of > 0 ? trial.repeat_of : trial.number;
}

}  // namespace vizsla
