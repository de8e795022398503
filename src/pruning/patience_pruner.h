// Prunes a trial that gets worse: its last `patience` + 1 values are all worse than the best before
// them, by more than min_delta. Values that are not finite are passed over; without another one on
// either side nothing is pruned (Optuna's PatientPruner that wraps no other).
#pragma once

#include "src/pruning/curve_pruner.h"

namespace vizsla {

class PatiencePruner final : public CurvePruner {
 public:
  PatiencePruner(const PatienceOptions& options, Direction direction)
      : CurvePruner(options.min_epochs, /*interval=*/1), options_(options), direction_(direction) {}

 private:
  bool ShouldPrune(const TrialProgress& trial) const override;

  const PatienceOptions options_;
  const Direction direction_;
};

}  // namespace vizsla
