// What goes together with several objectives. Pure.
#pragma once

#include "src/base/status.h"
#include "src/study/objective.h"
#include "src/study/pruner_options.h"
#include "src/study/sampler_options.h"

namespace vizsla {

// InvalidArgument: a metric that stands twice.
absl::Status CheckObjectives(const Objective& objective);

// Whether the sampler can serve several objectives: those that learn from one score cannot.
// InvalidArgument "sampler: REASON".
absl::Status CheckWeighsObjectives(const SamplerSpec& sampler);

// With several objectives: CheckWeighsObjectives, and no pruner that compares trials with one
// another: by the first objective alone it would end the cheap trials of the Pareto front.
// `threshold` and `patience` look at one trial and are allowed. InvalidArgument "sampler: REASON"
// or "pruner: REASON".
absl::Status CheckPolicies(const Objective& objective, const SamplerSpec& sampler,
                           const PrunerSpec& pruner);

}  // namespace vizsla
