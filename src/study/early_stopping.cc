#include "src/study/early_stopping.h"

#include <cmath>
#include <limits>

namespace vizsla {

bool ShouldStop(const EarlyStopping& rule, std::span<const EpochReport> reports) {
  if (rule.patience <= 0) return false;
  const bool minimize = rule.direction == Direction::kMinimize;
  const double min_delta = std::abs(rule.min_delta);
  double best =
      minimize ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
  int waited = 0;
  for (const EpochReport& report : reports) {
    const auto found = report.metrics.find(rule.metric);
    // Comparisons with NaN are false: such an epoch does not improve, as in Keras.
    const double value =
        found == report.metrics.end() ? std::numeric_limits<double>::quiet_NaN() : found->second;
    const bool improved = minimize ? value < best - min_delta : value > best + min_delta;
    if (improved) {
      best = value;
      waited = 0;
    } else if (++waited >= rule.patience) {
      return true;
    }
  }
  return false;
}

}  // namespace vizsla
