// All that a leaderboard needs to know of a study's trials but the rows that it shows, kept up to
// date one changed trial at a time: a look at its top costs no more when the history is long. Holds
// some hundred bytes of a trial and decides nothing itself: places are those of trial_groups.h and
// pareto.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "src/scheduling/repeat_policy.h"
#include "src/scheduling/trial_store.h"
#include "src/study/pareto_levels.h"
#include "src/study/trial_groups.h"

namespace vizsla {

// A row of a leaderboard: one configuration.
struct StandingsRow {
  int rank = 0;   // 0: not ranked
  int front = 0;  // of several objectives: 1 is the Pareto front; 0: none
  TrialId trial;  // Representative() of its runs
  RunsSummary search;
  std::optional<RunsSummary> fresh;
  Milliseconds trained{0};  // over all runs, up to now
};

// What the time to the end of a study is guessed from.
struct StudyPace {
  int64_t ended = 0;                  // trials
  int64_t measured = 0;               // those of them that may win
  Milliseconds spent{0};              // on these
  std::vector<Milliseconds> running;  // so far, of each running trial that has been started
};

// What a leaderboard shows, apart from its trials.
struct StandingsView {
  std::vector<StandingsRow> rows;
  int64_t total_trials = 0;
  int64_t total_rows = 0;
  std::map<std::string, int64_t> trial_counts;  // by lower-case state
  RunCounts runs;
  StudyPace pace;
};

// Not thread-safe.
class Standings {
 public:
  explicit Standings(Objective objective) : objective_(std::move(objective)) {}

  // A new trial, or the newest state of one; in any order. O(log trials), with several objectives
  // what ParetoLevels says.
  void Put(const TrialSummary& trial);

  // The first `top` rows, all for 0. `now` for what still runs.
  StandingsView Look(int top, Timestamp now) const;
  // The run whose weights stand for the best configuration; nullopt when none may win with a finite
  // score. What FindBestRun says.
  std::optional<TrialId> Best() const;

  const Objective& objective() const { return objective_; }

 private:
  struct Group {
    std::set<int64_t> runs;
    std::optional<GroupRank> rank;  // as it is in order_ or fronts_; nullopt: not in them
    bool on_front = false;
  };
  // The runs of a group as trials, as far as their place depends on them.
  struct Runs {
    std::vector<Trial> trials;
    TrialGroup group;
  };

  Runs RunsOf(const Group& group) const;
  // The trial's part in the sums, `sign` 1 or -1.
  void Count(const TrialSummary& trial, int64_t sign);
  void CountGroup(int64_t number, const Group& group, int64_t sign);
  void Withdraw(int64_t number, Group& group);
  void Place(int64_t number, Group& group);
  StandingsRow RowOf(int64_t number, Timestamp now) const;

  Objective objective_;
  std::unordered_map<int64_t, TrialSummary> trials_;  // by number
  std::unordered_map<int64_t, Group> groups_;         // by the first run's number
  std::set<GroupRank> order_;                         // of those that stand on no front
  ParetoLevels fronts_;                               // of several objectives; by first run
  std::map<TrialState, int64_t> states_;
  std::set<int64_t> running_;  // RUNNING and started
  int64_t ended_ = 0;
  int64_t measured_ = 0;
  Milliseconds spent_{0};
  RunCounts runs_;
  int64_t fresh_runs_ = 0;
};

}  // namespace vizsla
