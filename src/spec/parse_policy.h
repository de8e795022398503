// `sampler:` and `pruner:` of a study or a stage: a name, or {kind: NAME, OPTION: value, ...}.
// Internal to src/spec.
#pragma once

#include "src/spec/yaml_reader.h"
#include "src/study/policy_spec.h"

namespace vizsla::spec {

absl::StatusOr<SamplerSpec> ReadSampler(const Reader& reader, const Field& field);
// `max_epochs`: the budget of one trial.
absl::StatusOr<PrunerSpec> ReadPruner(const Reader& reader, const Field& field, int max_epochs);

}  // namespace vizsla::spec
