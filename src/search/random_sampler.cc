#include "src/search/random_sampler.h"

#include <algorithm>
#include <cmath>

namespace vizsla {
namespace {

// After so many draws of used configurations a finite space is nearly full: walk to a free one
// instead.
constexpr uint64_t kMostDraws = 64;

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

RandomSampler::RandomSampler(SearchSpace space, uint64_t study_seed)
    : space_(std::move(space)), key_(StreamKey(study_seed).With("sampler")), used_(space_) {}

Configuration RandomSampler::Draw(int64_t trial_number, uint64_t attempt) const {
  const StreamKey key = key_.With(static_cast<uint64_t>(trial_number)).With(attempt);
  Configuration configuration;
  for (const Parameter& parameter : space_.parameters) {
    if (!IsActive(parameter, configuration)) continue;
    // A stream of its own: a parameter's draw does not depend on which others are active.
    RandomStream stream(key.With(parameter.name));
    configuration.emplace(parameter.name, DrawValue(parameter.domain, stream));
  }
  return configuration;
}

absl::StatusOr<std::optional<Configuration>> RandomSampler::Suggest(int64_t trial_number) {
  if (used_.AllUsed()) return std::optional<Configuration>();
  Configuration drawn;
  for (uint64_t attempt = 0; attempt < kMostDraws; ++attempt) {
    drawn = Draw(trial_number, attempt);
    if (!used_.Contains(drawn)) return std::optional<Configuration>(std::move(drawn));
  }
  // Only a finite space, or a full branch of an infinite one, repeats itself so often.
  return std::optional<Configuration>(used_.FirstFree(std::move(drawn)));
}

void RandomSampler::Observe(const Trial& trial) { used_.Add(trial.configuration); }

}  // namespace vizsla
