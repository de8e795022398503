#include "src/search/sampler.h"

#include "src/base/check.h"
#include "src/search/cma_es_sampler.h"
#include "src/search/gp_sampler.h"
#include "src/search/grid_sampler.h"
#include "src/search/nsga2_sampler.h"
#include "src/search/quasi_random_sampler.h"
#include "src/search/random_sampler.h"
#include "src/search/tpe_sampler.h"
#include "src/study/objectives_check.h"
#include "src/study/policy_spec.h"

namespace vizsla {
namespace {

using Made = absl::StatusOr<std::unique_ptr<Sampler>>;

struct Make {
  const SearchSpace& space;
  const std::vector<Direction>& directions;
  uint64_t seed;
  const std::vector<int>& rungs;

  Made operator()(const RandomOptions&) const {
    return std::make_unique<RandomSampler>(space, seed);
  }
  Made operator()(const GridOptions&) const {
    for (const Parameter& parameter : space.parameters) {
      if (CountValues(parameter.domain)) continue;
      return absl::InvalidArgumentError(
          StrCat("parameter ", parameter.name,
                 ": the grid sampler cannot walk a continuous range; give it a step"));
    }
    return std::make_unique<GridSampler>(space);
  }
  Made operator()(const SobolOptions& options) const {
    return std::make_unique<QuasiRandomSampler>(space, Sequence::kSobol, options, seed);
  }
  Made operator()(const HaltonOptions& options) const {
    return std::make_unique<QuasiRandomSampler>(space, Sequence::kHalton, options, seed);
  }
  Made operator()(const TpeOptions& options) const {
    return std::make_unique<TpeSampler>(space, options, directions[0], seed, rungs);
  }
  Made operator()(const GaussianProcessOptions& options) const {
    return std::make_unique<GpSampler>(space, options, directions[0], seed);
  }
  Made operator()(const CmaEsOptions& options) const {
    return std::make_unique<CmaEsSampler>(space, options, directions[0], seed);
  }
  Made operator()(const Nsga2Options& options) const {
    return std::make_unique<Nsga2Sampler>(space, options, directions, seed);
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<Sampler>> MakeSampler(const SamplerSpec& spec,
                                                     const SearchSpace& space,
                                                     const std::vector<Direction>& directions,
                                                     uint64_t study_seed, std::vector<int> rungs) {
  VIZSLA_RETURN_IF_ERROR(Validate(space));
  VIZSLA_CHECK(!directions.empty());
  if (directions.size() > 1) VIZSLA_RETURN_IF_ERROR(CheckWeighsObjectives(spec));
  if (const absl::Status status = CheckOptions(spec); !status.ok()) {
    return Annotate(status, StrCat("the ", ToText(KindOf(spec)), " sampler"));
  }
  return std::visit(Make{space, directions, study_seed, rungs}, spec);
}

absl::StatusOr<std::unique_ptr<Sampler>> MakeSampler(const SamplerSpec& spec,
                                                     const SearchSpace& space, Direction direction,
                                                     uint64_t study_seed, std::vector<int> rungs) {
  return MakeSampler(spec, space, std::vector<Direction>{direction}, study_seed, std::move(rungs));
}

absl::StatusOr<std::unique_ptr<Sampler>> MakeSampler(const StudySpec& spec) {
  return MakeSampler(spec.sampler, spec.space, DirectionsOf(spec.objective), spec.seed);
}

}  // namespace vizsla
