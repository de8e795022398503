#include "src/pruning/patience_pruner.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vizsla {

bool PatiencePruner::ShouldPrune(const TrialProgress& trial) const {
  const auto begin = trial.values().begin();
  const auto end = trial.end_of_run();
  if (end - begin <= options_.patience + 1) return false;
  const auto best = [&](auto from, auto to) {
    double loss = std::numeric_limits<double>::infinity();
    for (auto value = from; value != to; ++value) {
      loss = std::min(loss, LossOf(direction_, value->value));
    }
    return loss;
  };
  const auto recent = end - (options_.patience + 1);
  const double newest = best(recent, end);
  return std::isfinite(newest) && best(begin, recent) + options_.min_delta < newest;
}

}  // namespace vizsla
