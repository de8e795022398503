#include "src/pruning/curve_pruner.h"

namespace vizsla {

void CurvePruner::Observe(const PrunerTrial& trial) { trials_[trial.number].row = trial; }

void CurvePruner::ObserveReport(int64_t trial_number, int epoch, AttemptNumber attempt,
                                double value) {
  trials_[trial_number].Add(epoch, attempt, value);
}

PruneDecision CurvePruner::Decide(int64_t trial_number) const {
  const auto found = trials_.find(trial_number);
  if (found == trials_.end()) return PruneDecision::kContinue;
  const TrialProgress& trial = found->second;
  if (trial.AtLastEpoch() || !CheckIsDue(trial)) return PruneDecision::kContinue;
  return ShouldPrune(trial) ? PruneDecision::kPrune : PruneDecision::kContinue;
}

bool CurvePruner::CheckIsDue(const TrialProgress& trial) const {
  const int epoch = trial.row.epoch;
  if (epoch < min_epochs_ || !trial.ValueAt(epoch)) return false;
  const int due = epoch - (epoch - min_epochs_) % interval_;
  const auto newest = trial.end_of_run() - 1;
  const int before = newest == trial.values().begin() ? 0 : (newest - 1)->epoch;
  return before < due;
}

}  // namespace vizsla
