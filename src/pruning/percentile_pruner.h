// Prunes a trial whose best value so far is worse than the percentile of what the COMPLETED trials
// had at the same epoch (Optuna's PercentilePruner; Google Vizier's median rule, Golovin et al.,
// KDD 2017, is the 50th with running averages instead). A trial without any finite value is pruned.
#pragma once

#include <map>

#include "src/pruning/curve_pruner.h"
#include "src/pruning/ranked_losses.h"

namespace vizsla {

class PercentilePruner final : public CurvePruner {
 public:
  PercentilePruner(const PercentileOptions& options, Direction direction)
      : CurvePruner(options.min_epochs, options.interval),
        options_(options),
        direction_(direction) {}

  void Observe(const PrunerTrial& trial) override;
  void ObserveReport(int64_t trial_number, int epoch, AttemptNumber attempt, double value) override;

 private:
  bool ShouldPrune(const TrialProgress& trial) const override;
  // Whether the trial's value at this epoch is one that others are compared with.
  static bool Counts(const PrunerTrial& row, int epoch) {
    return row.state == TrialState::kCompleted && epoch <= row.epoch;
  }
  void Insert(const PrunerTrial& row, int epoch, double value);
  void Erase(const PrunerTrial& row, int epoch, double value);

  const PercentileOptions options_;
  const Direction direction_;
  int completed_ = 0;
  std::map<int, RankedLosses> at_epoch_;  // of the completed trials, finite
};

}  // namespace vizsla
