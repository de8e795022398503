#include "src/search/sampler.h"

#include "src/base/check.h"
#include "src/search/grid_sampler.h"
#include "src/search/random_sampler.h"

namespace vizsla {

absl::StatusOr<std::unique_ptr<Sampler>> MakeSampler(const StudySpec& spec) {
  VIZSLA_RETURN_IF_ERROR(Validate(spec.space));
  switch (spec.sampler) {
    case SamplerKind::kRandom:
      return std::make_unique<RandomSampler>(spec.space, spec.seed);
    case SamplerKind::kGrid:
      for (const Parameter& parameter : spec.space.parameters) {
        if (CountValues(parameter.domain)) continue;
        return absl::InvalidArgumentError(
            StrCat("parameter ", parameter.name,
                   ": the grid sampler cannot walk a continuous range; give it a step"));
      }
      return std::make_unique<GridSampler>(spec.space);
  }
  VIZSLA_CHECK(false);
}

}  // namespace vizsla
