// What the pruners share that look at a trial's curve every `interval` epochs. Internal to
// src/search.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "src/pruning/pruner.h"
#include "src/pruning/trial_progress.h"

namespace vizsla {

class CurvePruner : public Pruner {
 public:
  void Observe(const PrunerTrial& trial) override;
  void ObserveReport(int64_t trial_number, int epoch, AttemptNumber attempt, double value) override;
  PruneDecision Decide(int64_t trial_number) const final;

 protected:
  // Checks are due at min_epochs and every `interval` epochs after it; one that found no report is
  // made up for at the next report (as Optuna does).
  CurvePruner(int min_epochs, int interval) : min_epochs_(min_epochs), interval_(interval) {}

  // The trial has a value at its newest epoch.
  virtual bool ShouldPrune(const TrialProgress& trial) const = 0;

  TrialProgress& ProgressOf(int64_t trial_number) { return trials_[trial_number]; }

 private:
  bool CheckIsDue(const TrialProgress& trial) const;

  const int min_epochs_;
  const int interval_;
  std::unordered_map<int64_t, TrialProgress> trials_;
};

}  // namespace vizsla
