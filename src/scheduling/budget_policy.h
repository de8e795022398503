// What a study may spend, and when it is spent. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "src/base/status.h"
#include "src/study/study.h"

namespace vizsla {

// The stored budget with the given one taken over. FailedPrecondition with a sentence for each part
// that would be lowered. No wall time, and 0 trials of a grid, are more than any number.
absl::StatusOr<Budget> RaiseBudget(const Budget& stored, const Budget& given);

// How many trials the study may have; nullopt: as many as its sampler finds. Enqueued trials are
// run even when they are more than the budget.
std::optional<int64_t> TrialLimit(const StudySpec& spec);

// `active_time` includes the time since the last change of state.
bool WallTimeOver(const StudySpec& spec, Milliseconds active_time);

// How many trials the study will have, `created` of which exist; nullopt when only its sampler can
// tell.
std::optional<int64_t> PlannedTrials(const Study& study, int64_t created);

}  // namespace vizsla
