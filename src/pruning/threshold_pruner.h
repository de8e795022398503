// Prunes a trial whose value is outside [lower, upper] or not finite (Optuna's ThresholdPruner,
// which lets an infinite value pass on the side without a bound).
#pragma once

#include "src/pruning/curve_pruner.h"

namespace vizsla {

class ThresholdPruner final : public CurvePruner {
 public:
  explicit ThresholdPruner(const ThresholdOptions& options)
      : CurvePruner(options.min_epochs, options.interval), options_(options) {}

 private:
  bool ShouldPrune(const TrialProgress& trial) const override;

  const ThresholdOptions options_;
};

}  // namespace vizsla
