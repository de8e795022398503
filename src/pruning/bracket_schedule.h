// Which trials compete with one another: consecutive trial numbers form brackets, whose shapes
// repeat in a cycle. Pure. Internal to src/search.
#pragma once

#include <cstdint>
#include <vector>

#include "src/study/pruner_options.h"

namespace vizsla {

struct BracketShape {
  int64_t trials = 0;            // that start together
  std::vector<int> rung_epochs;  // where one of eta goes on; empty: all train to their end
  bool operator==(const BracketShape&) const = default;
};

// One shape. `max_epochs` > min_epochs.
std::vector<BracketShape> SuccessiveHalvingCycle(const SuccessiveHalvingOptions& options,
                                                 int max_epochs);

// The brackets s_max, ..., 0 of algorithm 1 in Li, Jamieson, DeSalvo, Rostamizadeh, Talwalkar,
// "Hyperband", JMLR 18 (2018), for R = max_epochs / min_epochs: s_max = floor(log_eta R), and
// bracket s starts ceil((s_max + 1) eta^s / (s + 1)) trials. Rungs are min_epochs * eta^k, of which
// bracket s has the last s below min_epochs * eta^s_max, where the paper has max_epochs / eta^i:
// the same when R is a power of eta, and shared between brackets when it is not.
std::vector<BracketShape> HyperbandCycle(const HyperbandOptions& options, int max_epochs);

// A study with so many trials (or a multiple) has no incomplete bracket.
int64_t TrialsOfCycle(const std::vector<BracketShape>& cycle);

class BracketSchedule {
 public:
  struct Bracket {
    int64_t index = 0;        // 0, 1, 2 ... within the study
    size_t shape = 0;         // within the cycle
    int64_t first_trial = 0;  // number
  };

  // `cycle` is not empty, its brackets have trials.
  BracketSchedule(std::vector<BracketShape> cycle, int64_t first_trial);

  // trial_number >= first_trial.
  Bracket Find(int64_t trial_number) const;
  const BracketShape& ShapeOf(const Bracket& bracket) const { return cycle_[bracket.shape]; }

 private:
  const std::vector<BracketShape> cycle_;
  const int64_t first_trial_;
  const int64_t trials_of_cycle_;
};

}  // namespace vizsla
