#include "src/search/nsga2_sampler.h"

#include <algorithm>

#include "src/search/nsga2_offspring.h"
#include "src/search/random_sampler.h"

namespace vizsla {
namespace {

// A draw that is taken already is repeated with more and more mutation.
constexpr double kAttemptsPerMutation = 4;

// Two at random, the better one wins.
const Configuration& Tournament(const std::vector<const Configuration*>& parents,
                                RandomStream& stream) {
  const uint64_t one = stream.UniformInt(parents.size());
  const uint64_t other = stream.UniformInt(parents.size());
  return *parents[std::min(one, other)];
}

}  // namespace

Nsga2Sampler::Nsga2Sampler(SearchSpace space, Nsga2Options options,
                           std::vector<Direction> directions, uint64_t study_seed)
    : space_(std::move(space)),
      options_(options),
      key_(StreamKey(study_seed).With("sampler")),
      population_(space_, std::move(directions), options_.population),
      used_(space_) {}

absl::StatusOr<std::optional<Configuration>> Nsga2Sampler::Suggest(int64_t trial_number) {
  if (used_.AllUsed()) return std::optional<Configuration>();
  const std::vector<const Configuration*> parents = population_.ParentsOf(trial_number);
  const bool knows_enough =
      parents.size() >= std::max<size_t>(1, static_cast<size_t>(options_.population) / 2);
  const StreamKey key = key_.With(static_cast<uint64_t>(trial_number));
  return std::optional<Configuration>(used_.FreeDraw([&](uint64_t attempt) {
    const StreamKey attempt_key = key.With(attempt);
    if (!knows_enough) return DrawAtRandom(space_, attempt_key);
    RandomStream stream(attempt_key.With("parents"));
    const Configuration& mother = Tournament(parents, stream);
    const Configuration& father = Tournament(parents, stream);
    return MakeOffspring(space_, options_, mother, father, attempt_key.With("child"),
                         1 + static_cast<double>(attempt) / kAttemptsPerMutation);
  }));
}

void Nsga2Sampler::Observe(const Trial& trial) {
  used_.Add(trial.configuration);
  population_.Observe(trial);
}

}  // namespace vizsla
