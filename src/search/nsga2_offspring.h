// A new configuration from those of two parents. Numbers cross and mutate in the coordinates of
// unit_cube.h: simulated binary crossover and polynomial mutation, both bounded, as in Deb,
// Agrawal: "Simulated binary crossover for continuous search space", Complex Systems 9, 1995, and
// in Deb's NSGA-II. Words, booleans and lists of sizes are inherited from one of the two and mutate
// into any other of their values. Pure. Internal to src/search.
#pragma once

#include "src/base/random.h"
#include "src/study/sampler_options.h"
#include "src/study/search_space.h"

namespace vizsla {

// Valid for the space, as the parents must be. A parameter that is active in the child comes from
// both parents when both have it, else from the one that has it, else at random. Each parameter
// draws from a stream of its own. `restless` >= 1 multiplies the mutation probability.
Configuration MakeOffspring(const SearchSpace& space, const Nsga2Options& options,
                            const Configuration& mother, const Configuration& father, StreamKey key,
                            double restless);

}  // namespace vizsla
