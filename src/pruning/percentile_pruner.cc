#include "src/pruning/percentile_pruner.h"

#include <algorithm>
#include <limits>

namespace vizsla {
namespace {

// Linear between the neighbours, as numpy.percentile; `losses` is not empty.
double Percentile(const RankedLosses& losses, double percent) {
  const double place = static_cast<double>(losses.size() - 1) * percent / 100;
  const auto below = static_cast<size_t>(place);
  const double low = losses.nth(below)->loss;
  const double high = losses.nth(std::min(below + 1, losses.size() - 1))->loss;
  return low + (high - low) * (place - static_cast<double>(below));
}

}  // namespace

void PercentilePruner::Observe(const PrunerTrial& trial) {
  TrialProgress& known = ProgressOf(trial.number);
  if (known.row == trial) return;
  for (const auto& value : known.values()) Erase(known.row, value.epoch, value.value);
  for (const auto& value : known.values()) Insert(trial, value.epoch, value.value);
  completed_ += (trial.state == TrialState::kCompleted) - Counts(known.row, 0);
  known.row = trial;
}

void PercentilePruner::ObserveReport(int64_t trial_number, int epoch, AttemptNumber attempt,
                                     double value) {
  TrialProgress& known = ProgressOf(trial_number);
  known.row.number = trial_number;  // its row may come later
  const std::optional<double> before = known.ValueAt(epoch);
  if (!known.Add(epoch, attempt, value)) return;
  if (before) Erase(known.row, epoch, *before);
  Insert(known.row, epoch, value);
}

void PercentilePruner::Insert(const PrunerTrial& row, int epoch, double value) {
  const RankedLoss entry{LossOf(direction_, value), row.number};
  if (Counts(row, epoch) && entry.finite()) at_epoch_[epoch].insert(entry);
}

void PercentilePruner::Erase(const PrunerTrial& row, int epoch, double value) {
  if (Counts(row, epoch)) at_epoch_[epoch].erase(RankedLoss{LossOf(direction_, value), row.number});
}

bool PercentilePruner::ShouldPrune(const TrialProgress& trial) const {
  if (completed_ == 0 || completed_ < options_.startup_trials) return false;
  double best = std::numeric_limits<double>::infinity();
  for (auto value = trial.values().begin(); value != trial.end_of_run(); ++value) {
    best = std::min(best, LossOf(direction_, value->value));
  }
  if (best == std::numeric_limits<double>::infinity()) return true;
  const auto others = at_epoch_.find(trial.row.epoch);
  if (others == at_epoch_.end() || others->second.empty()) return false;
  if (others->second.size() < static_cast<size_t>(options_.min_trials)) return false;
  return best > Percentile(others->second, options_.percentile);
}

}  // namespace vizsla
