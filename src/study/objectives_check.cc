#include "src/study/objectives_check.h"

#include <set>

#include "src/base/str_cat.h"
#include "src/study/policy_spec.h"

namespace vizsla {

absl::Status CheckObjectives(const Objective& objective) {
  std::set<std::string> seen = {objective.metric};
  for (const FurtherObjective& further : objective.further) {
    if (seen.insert(further.metric).second) continue;
    return absl::InvalidArgumentError(
        StrCat(further.metric, " is an objective already; name each metric once"));
  }
  return absl::OkStatus();
}

absl::Status CheckWeighsObjectives(const SamplerSpec& sampler) {
  switch (KindOf(sampler)) {
    case SamplerKind::kTpe:
    case SamplerKind::kGaussianProcess:
    case SamplerKind::kCmaEs:
      return absl::InvalidArgumentError(
          StrCat("sampler: ", std::string(ToText(KindOf(sampler))),
                 " learns from one score, but the study has several objectives; take nsga2, or "
                 "random, sobol, halton or grid"));
    case SamplerKind::kRandom:
    case SamplerKind::kGrid:
    case SamplerKind::kSobol:
    case SamplerKind::kHalton:
    case SamplerKind::kNsga2:
      break;
  }
  return absl::OkStatus();
}

absl::Status CheckPolicies(const Objective& objective, const SamplerSpec& sampler,
                           const PrunerSpec& pruner) {
  if (objective.further.empty()) return absl::OkStatus();
  VIZSLA_RETURN_IF_ERROR(CheckWeighsObjectives(sampler));
  switch (KindOf(pruner)) {
    case PrunerKind::kNone:
    case PrunerKind::kThreshold:
    case PrunerKind::kPatience:
      return absl::OkStatus();
    default:
      return absl::InvalidArgumentError(StrCat(
          "pruner: ", std::string(ToText(KindOf(pruner))), " compares trials by ", objective.metric,
          " alone and would end the cheap ones of the Pareto front; take "
          "threshold, patience or none"));
  }
}

}  // namespace vizsla
