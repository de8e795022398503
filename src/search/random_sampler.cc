#include "src/search/random_sampler.h"

#include <algorithm>
#include <cmath>

namespace vizsla {
namespace {

double DrawFloat(const FloatDomain& domain, RandomStream& stream) {
  double value = domain.log ? std::exp(stream.Uniform(std::log(domain.low), std::log(domain.high)))
                            : stream.Uniform(domain.low, domain.high);
  return std::clamp(value, domain.low, domain.high);
}

// Rounds a continuous draw that reaches half an integer past both ends, so that the ends get their
// share.
int64_t DrawLogInt(const IntDomain& domain, RandomStream& stream) {
  const double low = std::log(static_cast<double>(domain.low) - 0.5);
  const double high = std::log(static_cast<double>(domain.high) + 0.5);
  return std::clamp<int64_t>(std::llround(std::exp(stream.Uniform(low, high))), domain.low,
                             domain.high);
}

}  // namespace

ParameterValue DrawValue(const Domain& domain, RandomStream& stream) {
  const std::optional<int64_t> count = CountValues(domain);
  if (!count) return DrawFloat(std::get<FloatDomain>(domain), stream);
  if (const auto* integers = std::get_if<IntDomain>(&domain);
      integers != nullptr && integers->log) {
    return DrawLogInt(*integers, stream);
  }
  return ValueAt(domain, static_cast<int64_t>(stream.UniformInt(static_cast<uint64_t>(*count))));
}

Configuration DrawAtRandom(const SearchSpace& space, StreamKey key) {
  Configuration configuration;
  for (const Parameter& parameter : space.parameters) {
    if (!IsActive(parameter, configuration)) continue;
    // A stream of its own: a parameter's draw does not depend on which others are active.
    RandomStream stream(key.With(parameter.name));
    configuration.emplace(parameter.name, DrawValue(parameter.domain, stream));
  }
  return configuration;
}

RandomSampler::RandomSampler(SearchSpace space, uint64_t study_seed)
    : space_(std::move(space)), key_(StreamKey(study_seed).With("sampler")), used_(space_) {}

absl::StatusOr<std::optional<Configuration>> RandomSampler::Suggest(int64_t trial_number) {
  if (used_.AllUsed()) return std::optional<Configuration>();
  const StreamKey key = key_.With(static_cast<uint64_t>(trial_number));
  return std::optional<Configuration>(
      used_.FreeDraw([&](uint64_t attempt) { return DrawAtRandom(space_, key.With(attempt)); }));
}

void RandomSampler::Observe(const Trial& trial) { used_.Add(trial.configuration); }

}  // namespace vizsla
