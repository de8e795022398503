// What a study may spend, and when it is spent. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "src/base/status.h"
#include "src/study/study.h"

namespace vizsla {

// The stored budget with the given one taken over. FailedPrecondition with a sentence for each part
// that would be lowered. No wall time, and 0 trials of a grid, are more than any number.
absl::StatusOr<Budget> RaiseBudget(const Budget& stored, const Budget& given);

// The stored specification with the given one's budgets and final runs taken over, those of its
// stages too, and its stopping rules (LoosenStopRules). The study is in stage `current`:
// FailedPrecondition for another budget of a stage before it, whose best trials the later ones have
// started from.
absl::StatusOr<StudySpec> RaiseBudgets(const StudySpec& stored, const StudySpec& given,
                                       int current);

// `active_time` includes the time since the last change of state.
bool WallTimeOver(const StudySpec& spec, Milliseconds active_time);

// How many configurations the study will have; nullopt when only its samplers can tell. `created`:
// how many exist of each stage that has begun, the first one's first.
std::optional<int64_t> PlannedTrials(const Study& study, const std::vector<int64_t>& created);

}  // namespace vizsla
