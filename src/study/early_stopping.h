// Keras' EarlyStopping (callbacks.py, Keras 2.x): stops when `metric` has not improved by more than
// `min_delta` for `patience` epochs in a row. Pure: computed from the reports, so that a resumed
// trial decides as an undisturbed one.
#pragma once

#include <span>
#include <string>

#include "src/study/objective.h"

namespace vizsla {

struct EarlyStopping {
  std::string metric = "val_loss";
  Direction direction = Direction::kMinimize;
  int patience = 20;  // epochs without improvement before stopping; 0 switches early stopping off
  double min_delta = 0.001;  // an improvement smaller than or equal to this is none
  bool operator==(const EarlyStopping&) const = default;
};

// Reports of one trial in order of epoch. A report without the metric, or with NaN, does not
// improve.
bool ShouldStop(const EarlyStopping& rule, std::span<const EpochReport> reports);

}  // namespace vizsla
