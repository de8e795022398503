// How many trials a stage will have, as far as its specification tells. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "src/study/study.h"

namespace vizsla {

// How many trials the stage may have; nullopt: as many as its sampler finds. Enqueued trials are
// run even when they are more than the budget.
std::optional<int64_t> TrialLimit(const StageView& stage);

// Whether the stage's sampler may be asked for a configuration: enqueued trials do not use up the
// budget.
bool SamplerMayDraw(const StageView& stage);

struct StageTrials {
  // The budget, or all that there is when that is less: the configurations that the stage's sampler
  // finds, and the enqueued trials beside them.
  int64_t count = 0;
  // Whether it is the budget or known exactly. Otherwise conditions of the stage look at the source
  // of a trial, which nobody knows yet, and there may be fewer.
  bool certain = true;
};
// Nullopt: neither the budget nor the space sets an end.
std::optional<StageTrials> PlanTrials(const StudySpec& spec, int stage);

// How many trials so many configurations are, with their repeats and final runs.
int64_t CountRuns(const StudySpec& spec, int64_t configurations);

}  // namespace vizsla
