// Synchronous successive halving and Hyperband: one bracket of trials after another. Trials pause
// at each rung of their bracket until it is decided (halving_bracket.h); meanwhile workers go on
// with other brackets, the earliest first, or start the next one, so that none stands idle.
// Hyperband is the cycle of its brackets (bracket_schedule.h); with the TPE sampler it is BOHB
// (Falkner, Klein, Hutter, ICML 2018).
#pragma once

#include <map>
#include <set>

#include "src/pruning/bracket_schedule.h"
#include "src/pruning/halving_bracket.h"

namespace vizsla {

class HalvingPruner final : public Pruner {
 public:
  HalvingPruner(std::vector<BracketShape> cycle, int eta, const PrunerContext& context);

  void Observe(const PrunerTrial& trial) override;
  void ObserveReport(int64_t trial_number, int epoch, AttemptNumber attempt, double value) override;
  void ObserveLastTrial(int64_t trial_number) override;

  PruneDecision Decide(int64_t trial_number) const override;
  std::optional<int64_t> NextToResume() const override;
  std::vector<int64_t> ToPrune() const override;

  const BracketSchedule& schedule() const { return schedule_; }

 private:
  struct Entry {
    BracketSchedule::Bracket place;
    HalvingBracket bracket;
  };
  Entry& EntryOf(int64_t trial_number);
  // How many trials start in the bracket, as far as is known.
  int64_t TrialsOf(const Entry& entry) const;
  void Judge(const Entry& entry);

  const BracketSchedule schedule_;
  const int eta_;
  const Direction direction_;
  std::optional<int64_t> last_trial_;
  std::map<int64_t, Entry> brackets_;  // by index
  // Indices of the brackets that have such trials.
  std::set<int64_t> with_resumable_;
  std::set<int64_t> with_losers_;
};

}  // namespace vizsla
