#pragma once

#include <cstdint>

#include "src/scheduling/trial_store.h"

namespace vizsla {

// The trial with this number, or the best one for number 0: with repeats, the best configuration's
// run with the best score (FindBestRun in trial_groups.h). NotFound: there is no such trial, or no
// trial has a score yet.
absl::StatusOr<Trial> FindTrialOrBest(TrialReader& reader, const Study& study, int64_t number);

}  // namespace vizsla
