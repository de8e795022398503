#include "src/search/quasi_random_sampler.h"

#include <algorithm>

#include "src/base/check.h"
#include "src/search/unit_cube.h"

namespace vizsla {
namespace {

// The first free point is looked for among so many points a trial. A space whose values are about
// equally likely yields all but a few of its configurations within that.
constexpr uint64_t kPointsPerTrial = 16;

bool HasChoice(const Parameter& parameter) { return CountValues(parameter.domain).value_or(2) > 1; }

std::variant<SobolSequence, HaltonSequence> MakeSequence(const SearchSpace& space,
                                                         Sequence sequence, bool scramble,
                                                         StreamKey key) {
  const auto dimensions = static_cast<size_t>(
      std::count_if(space.parameters.begin(), space.parameters.end(), HasChoice));
  const std::optional<StreamKey> scrambling = scramble ? std::optional(key) : std::nullopt;
  if (sequence == Sequence::kSobol) {
    return SobolSequence(std::min(dimensions, SobolSequence::kMostDimensions), scrambling);
  }
  return HaltonSequence(std::min(dimensions, HaltonSequence::kMostDimensions), scrambling);
}

}  // namespace

QuasiRandomSampler::QuasiRandomSampler(SearchSpace space, Sequence sequence,
                                       QuasiRandomOptions options, uint64_t study_seed)
    : space_(std::move(space)),
      key_(StreamKey(study_seed).With("quasi-random")),
      sequence_(MakeSequence(space_, sequence, options.scramble, key_.With("scramble"))),
      used_(space_) {}

Configuration QuasiRandomSampler::At(uint64_t index) const {
  const std::vector<double> point =
      std::visit([&](const auto& sequence) { return sequence.Point(index); }, sequence_);
  Configuration configuration;
  size_t dimension = 0;
  for (const Parameter& parameter : space_.parameters) {
    double unit = 0;
    if (HasChoice(parameter)) {
      unit = dimension < point.size()
                 ? point[dimension]
                 : RandomStream(key_.With(index).With(parameter.name)).Uniform();
      ++dimension;
    }
    if (!IsActive(parameter, configuration)) continue;
    configuration.emplace(parameter.name, FromUnit(parameter.domain, unit));
  }
  return configuration;
}

absl::StatusOr<std::optional<Configuration>> QuasiRandomSampler::Suggest(int64_t trial_number) {
  VIZSLA_CHECK(trial_number >= 1);
  if (used_.AllUsed()) return std::optional<Configuration>();
  const auto number = static_cast<uint64_t>(trial_number);
  Configuration own = At(number - 1);
  if (!used_.Contains(own)) return std::optional<Configuration>(std::move(own));
  for (; first_free_ < kPointsPerTrial * number; ++first_free_) {
    Configuration next = At(first_free_);
    if (!used_.Contains(next)) return std::optional<Configuration>(std::move(next));
  }
  return std::optional<Configuration>(used_.FirstFree(std::move(own)));
}

void QuasiRandomSampler::Observe(const Trial& trial) { used_.Add(trial.configuration); }

}  // namespace vizsla
