// The configurations that a study will train, as far as its samplers tell beforehand. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "src/base/status.h"
#include "src/study/study.h"

namespace vizsla {

// Beside the enqueued ones, of each stage.
inline constexpr int64_t kMostLookedAt = 4096;

struct ExpectedTrial {
  int stage = 1;
  Configuration configuration;
};

// Stage after stage: enqueued trials, and the first ones that the stage's sampler adds, together no
// more than `trials[stage - 1]` unless more are enqueued. Which trial wins nobody knows yet: where
// one starts from the best, those that may win take turns. For a study without FindInitFromProblem.
// InvalidArgument: an unsound space.
absl::StatusOr<std::vector<ExpectedTrial>> LookAhead(const StudySpec& spec,
                                                     const std::vector<int64_t>& trials);

}  // namespace vizsla
