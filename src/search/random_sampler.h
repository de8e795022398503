// Independent draws: uniform over each active parameter's domain (in the logarithm where it says
// so).
#pragma once

#include "src/base/random.h"
#include "src/search/sampler.h"
#include "src/search/used_configurations.h"

namespace vizsla {

// One value; always inside the domain.
ParameterValue DrawValue(const Domain& domain, RandomStream& stream);

// One value for each active parameter, each from a stream of its own.
Configuration DrawAtRandom(const SearchSpace& space, StreamKey key);

class RandomSampler : public Sampler {
 public:
  // `space` must be valid.
  RandomSampler(SearchSpace space, uint64_t study_seed);
  RandomSampler(const RandomSampler&) = delete;
  RandomSampler& operator=(const RandomSampler&) = delete;

  absl::StatusOr<std::optional<Configuration>> Suggest(int64_t trial_number) override;
  void Observe(const Trial& trial) override;

 private:
  const SearchSpace space_;
  const StreamKey key_;
  UsedConfigurations used_;
};

}  // namespace vizsla
