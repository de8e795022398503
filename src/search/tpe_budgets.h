// What the Tree-structured Parzen Estimator learns from trials that were cut short: a history for
// each budget, of what trials were worth after so many epochs, and one of whole trials. As in BOHB
// (Falkner, Klein, Hutter: "BOHB: robust and efficient hyperparameter optimization at scale", ICML
// 2018) the model is made from the largest budget with enough observations, and from that alone: a
// trial's value after one epoch is never compared with another's after nine, and one that was cut
// short at one is neither good nor bad at nine. Internal to src/search.
//
// Where it differs from the paper: trials in flight are among the others (the constant liar), as
// everywhere in TpeHistory; those that failed or diverged are the worst at every budget.
#pragma once

#include <map>
#include <vector>

#include "src/search/tpe_history.h"

namespace vizsla {

class TpeBudgets {
 public:
  struct Budget {
    int epochs = 0;  // 0: of whole trials
    TpeHistory history;
  };

  // `rungs` ascend; without any there is one history, of trials as they stand, the ones cut short
  // among them. Each history is like `empty`.
  TpeBudgets(std::vector<int> rungs, const TpeHistory& empty);

  bool has_rungs() const { return budgets_.size() > 1; }
  void Observe(const Trial& trial);
  // Only epochs that are rungs are kept; of several reports of one, the newest attempt's. It counts
  // once the trial's row has got to the epoch.
  void ObserveReport(int64_t trial_number, int epoch, AttemptNumber attempt, double value);

  // The largest budget that at least so many trials have a value at; otherwise the lowest.
  const Budget& Largest(int64_t least) const;
  const TpeHistory& lowest() const { return budgets_.front().history; }

 private:
  struct Value {
    AttemptNumber attempt;
    double value = 0;
  };
  // The part of a trial's newest row that counts.
  struct Row {
    PackedConfiguration configuration;
    TrialState state = TrialState::kQueued;
    std::optional<double> score;
    int epoch = 0;
  };
  struct Known {
    std::optional<Row> row;
    std::map<int, Value> values;
  };

  void Update(int64_t number, const Known& known);
  // The row as it stood at the budget.
  static Trial At(int epochs, const Known& known, Trial trial);

  const SearchSpace& space_;
  std::vector<Budget> budgets_;      // the lowest first, whole trials last
  std::map<int64_t, Known> trials_;  // only with rungs
};

}  // namespace vizsla
