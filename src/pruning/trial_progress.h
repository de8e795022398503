// What a pruner remembers of one trial: its newest row and its value at each epoch. Internal to
// src/search.
#pragma once

#include <optional>
#include <vector>

#include "src/pruning/pruner.h"

namespace vizsla {

// The value as something to minimize; infinite, the worst, for one that is not finite.
double LossOf(Direction direction, double value);

class TrialProgress {
 public:
  struct Value {
    int epoch = 0;
    AttemptNumber attempt;
    double value = 0;
  };

  PrunerTrial row;

  // Returns whether it is news: no report of the same epoch is there, or one of an older attempt.
  bool Add(int epoch, AttemptNumber attempt, double value);

  // Whether the epoch was reported, whichever run that was in.
  std::optional<double> ValueAt(int epoch) const;
  // In order of epoch; with those of an abandoned run.
  const std::vector<Value>& values() const { return values_; }
  // The epochs up to the row's: those of the current run.
  std::vector<Value>::const_iterator end_of_run() const;
  // Whether the row's epoch is the last one: the trial is about to complete.
  bool AtLastEpoch() const { return row.epoch >= row.planned_epochs; }

 private:
  std::vector<Value> values_;
};

}  // namespace vizsla
