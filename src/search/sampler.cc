#include "src/search/sampler.h"

#include "src/base/check.h"
#include "src/search/grid_sampler.h"
#include "src/search/random_sampler.h"

namespace vizsla {

absl::StatusOr<std::unique_ptr<Sampler>> MakeSampler(SamplerKind kind, const SearchSpace& space,
                                                     uint64_t study_seed) {
  VIZSLA_RETURN_IF_ERROR(Validate(space));
  switch (kind) {
    case SamplerKind::kRandom:
      return std::make_unique<RandomSampler>(space, study_seed);
    case SamplerKind::kGrid:
      for (const Parameter& parameter : space.parameters) {
        if (CountValues(parameter.domain)) continue;
        return absl::InvalidArgumentError(
            StrCat("parameter ", parameter.name,
                   ": the grid sampler cannot walk a continuous range; give it a step"));
      }
      return std::make_unique<GridSampler>(space);
  }
  VIZSLA_CHECK(false);
}

absl::StatusOr<std::unique_ptr<Sampler>> MakeSampler(const StudySpec& spec) {
  return MakeSampler(spec.sampler, spec.space, spec.seed);
}

}  // namespace vizsla
