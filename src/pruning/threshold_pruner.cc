#include "src/pruning/threshold_pruner.h"

#include <cmath>

namespace vizsla {

bool ThresholdPruner::ShouldPrune(const TrialProgress& trial) const {
  const double value = *trial.ValueAt(trial.row.epoch);
  return !std::isfinite(value) || (options_.lower && value < *options_.lower) ||
         (options_.upper && value > *options_.upper);
}

}  // namespace vizsla
