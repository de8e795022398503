// Which trials of one study others may start from, which wait for theirs, and whose turn it is:
// what stage_policy.h says of all trials at once, kept up to date one changed trial at a time, so
// that the draw of a later stage costs no more when the history is long. Holds some hundred bytes
// of a trial and decides nothing itself.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "src/study/objective.h"
#include "src/study/pareto_levels.h"
#include "src/study/trial.h"
#include "src/study/trial_groups.h"

namespace vizsla {

// Not thread-safe. Trials are named by their numbers.
class StudySources {
 public:
  explicit StudySources(Objective objective) : objective_(std::move(objective)) {}

  // A new trial, or the newest state of one; in any order. O(log trials); with several objectives
  // what ParetoLevels says.
  void Put(const Trial& trial);

  // The first `top` of SourcesOfStage(study, stage, all trials). O(top log trials); with several
  // objectives a walk over the places before theirs.
  std::vector<int64_t> Best(int stage, size_t top) const;
  bool AnyFor(int stage) const { return !Best(stage, 1).empty(); }
  // The same in the order in which the stage's next sampled trial asks them: the one with the
  // fewest trials of the stage first, the better one among equals.
  std::vector<int64_t> TakeTurns(int stage, size_t top) const;

  // A trial waits for its source (IsWaiting).
  bool AnyWaiting() const { return !waiting_.empty(); }
  // Whether DecideWaiting(study, all trials, sampled_out, ...) would change any. O(those that
  // wait).
  bool AnyToDecide(bool sampled_out) const;
  // The QUEUED trial with the smallest number that waits for nothing.
  std::optional<int64_t> FirstReady() const;

 private:
  // What is asked of a trial's row.
  struct Row {
    int stage = 1;
    int64_t repeat_of = 0;
    bool final_run = false;
    TrialState state = TrialState::kQueued;
    std::optional<double> score;
    std::vector<double> further_values;
    bool has_checkpoint = false;  // its best
    WarmStart::Kind kind = WarmStart::Kind::kNone;
    int64_t source = 0;
    bool waiting = false;
    bool operator==(const Row&) const = default;  // never with a NaN
  };
  // A configuration by its runs of the search.
  struct Group {
    std::set<int64_t> runs;
    int stage = 1;
    int64_t source = 0;              // the run that others start from; 0: none
    std::optional<GroupRank> place;  // as it is in order_; nullopt: not there
    bool on_front = false;
  };

  static Row RowOf(const Trial& trial);
  // The row's part in what is counted and listed, there or not.
  void Count(int64_t number, const Row& row, bool there);
  void Withdraw(int64_t number, Group& group);
  void Place(int64_t number, Group& group);
  bool WaitsForBest(int64_t number) const;
  bool OthersGoOn() const;

  Objective objective_;
  std::unordered_map<int64_t, Row> rows_;      // by number
  std::unordered_map<int64_t, Group> groups_;  // by the first run's number
  // By stage: the groups that have a source and stand on no front.
  std::map<int, std::set<GroupRank>> order_;
  ParetoLevels fronts_;                               // of several objectives; by first run
  std::map<std::pair<int, int64_t>, int64_t> turns_;  // first runs, by stage and source
  std::set<int64_t> waiting_;
  std::set<int64_t> ready_;  // QUEUED ones that wait for nothing
  int64_t running_ = 0;
};

}  // namespace vizsla
