// What a population pruner needs to know of its stage: which parameters change in training.
// Internal to src/spec.
#pragma once

#include "src/spec/parse_parameters.h"
#include "src/study/study.h"

namespace vizsla::spec {

// Checks `perturb` of a population, or fills it in with every parameter of the stage that varies
// and may change in training. `inherited`: the space of the stage that the pruner is taken over
// from, null when it is the stage's own: names that only the former has are dropped, and what only
// the latter has is added. Does nothing for other pruners.
absl::Status CompletePopulation(const Reader& reader, const Mapping& root, const SearchSpace& space,
                                const SearchSpace* inherited, const Budget& budget,
                                PrunerSpec& pruner);

}  // namespace vizsla::spec
