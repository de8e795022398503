// The explore step of population-based training (src/pruning/population_pruner.h). Pure.
#pragma once

#include "src/base/random.h"
#include "src/study/pruner_options.h"
#include "src/study/search_space.h"

namespace vizsla {

// The configuration with each parameter of options.perturb that the space varies and that is active
// in it changed: with probability `resample` to a draw of its domain, otherwise a number times
// `shrink` or `grow`, as often the one as the other, within its domain (at least one step on, where
// there are steps), and a listed number to a neighbour in size. Words, booleans and lists have no
// neighbours: they change by draws alone. A parameter on which conditions of others depend never
// changes. Each parameter has a stream of its own, named by `key` and it.
Configuration Explore(const SearchSpace& space, const PopulationOptions& options,
                      const Configuration& configuration, StreamKey key);

}  // namespace vizsla
