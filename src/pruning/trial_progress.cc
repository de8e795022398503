#include "src/pruning/trial_progress.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vizsla {

double LossOf(Direction direction, double value) {
  if (!std::isfinite(value)) return std::numeric_limits<double>::infinity();
  return direction == Direction::kMinimize ? value : -value;
}

bool TrialProgress::Add(int epoch, AttemptNumber attempt, double value) {
  const auto place = std::ranges::lower_bound(values_, epoch, {}, &Value::epoch);
  if (place == values_.end() || place->epoch != epoch) {
    values_.insert(place, {epoch, attempt, value});
    return true;
  }
  if (attempt <= place->attempt) return false;
  *place = {epoch, attempt, value};
  return true;
}

std::optional<double> TrialProgress::ValueAt(int epoch) const {
  const auto place = std::ranges::lower_bound(values_, epoch, {}, &Value::epoch);
  if (place == values_.end() || place->epoch != epoch) return std::nullopt;
  return place->value;
}

std::vector<TrialProgress::Value>::const_iterator TrialProgress::end_of_run() const {
  return std::ranges::upper_bound(values_, row.epoch, {}, &Value::epoch);
}

}  // namespace vizsla
