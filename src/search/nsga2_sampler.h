// The elitist genetic algorithm for several objectives: Deb, Pratap, Agarwal, Meyarivan: "A fast
// and elitist multiobjective genetic algorithm: NSGA-II", IEEE Transactions on Evolutionary
// Computation 6(2), 2002. Works with one objective too. nsga2_population.h says who the parents
// are, nsga2_offspring.h what children look like.
#pragma once

#include "src/base/random.h"
#include "src/search/nsga2_population.h"
#include "src/search/sampler.h"
#include "src/search/used_configurations.h"
#include "src/study/sampler_options.h"

namespace vizsla {

// Asynchronous: a trial is made from the parents that are known of its generation. The first
// generation is the random sampler's of the same study seed, and so is every trial while fewer than
// half a generation of parents are known. Enqueued trials count as members of their generation.
//
// Where it differs from Optuna 5: generations are cut by trial numbers instead of by what happens
// to have completed; numbers cross and mutate as in the paper instead of being swapped and drawn
// anew (`crossover: uniform` swaps); parents are chosen by crowding within a front, too.
class Nsga2Sampler : public Sampler {
 public:
  // `space` must be valid; at least one direction; population >= 2, probabilities in [0, 1].
  Nsga2Sampler(SearchSpace space, Nsga2Options options, std::vector<Direction> directions,
               uint64_t study_seed);
  Nsga2Sampler(const Nsga2Sampler&) = delete;
  Nsga2Sampler& operator=(const Nsga2Sampler&) = delete;

  absl::StatusOr<std::optional<Configuration>> Suggest(int64_t trial_number) override;
  void Observe(const Trial& trial) override;

 private:
  const SearchSpace space_;
  const Nsga2Options options_;
  const StreamKey key_;
  Nsga2Population population_;
  UsedConfigurations used_;
};

}  // namespace vizsla
