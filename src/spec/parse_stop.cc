#include "src/spec/parse_stop.h"

#include <algorithm>

#include "src/study/policy_spec.h"

namespace vizsla::spec {

absl::StatusOr<StopRules> ReadStop(const Reader& reader, const Field& field) {
  constexpr int64_t kMost = 1000000000;
  VIZSLA_ASSIGN_OR_RETURN(
      const Mapping mapping,
      reader.ReadMapping(field, {"target", "no_improvement_trials", "min_delta", "epochs"}));
  StopRules rules;
  if (const Field* target = mapping.Find("target")) {
    VIZSLA_ASSIGN_OR_RETURN(rules.target, reader.ReadNumber(*target));
  }
  if (const Field* trials = mapping.Find("no_improvement_trials")) {
    VIZSLA_ASSIGN_OR_RETURN(rules.no_improvement_trials, reader.ReadInt(*trials, 1, kMost));
  }
  if (const Field* min_delta = mapping.Find("min_delta")) {
    VIZSLA_ASSIGN_OR_RETURN(rules.min_delta, reader.ReadNumber(*min_delta));
    if (rules.min_delta < 0) return reader.Error(*min_delta, "must be at least 0");
    if (rules.no_improvement_trials == 0) {
      return reader.Error(*min_delta, "belongs to no_improvement_trials, which is not given");
    }
  }
  if (const Field* epochs = mapping.Find("epochs")) {
    VIZSLA_ASSIGN_OR_RETURN(rules.epochs, reader.ReadInt(*epochs, 1, kMost));
  }
  if (rules.empty()) {
    return reader.Error(field, "says nothing: give target, no_improvement_trials or epochs");
  }
  return rules;
}

absl::StatusOr<std::vector<std::string>> ReadLearnFrom(const Reader& reader, const Field& field,
                                                       const StudySpec& study) {
  std::vector<Field> entries = {field};
  if (!field.node.IsScalar()) {
    VIZSLA_ASSIGN_OR_RETURN(entries, reader.ReadList(field));
    if (entries.empty()) return reader.Error(field, "there are no names");
  }
  const SamplerKind kind = KindOf(study.sampler);
  if (kind != SamplerKind::kTpe && kind != SamplerKind::kGaussianProcess &&
      kind != SamplerKind::kCmaEs) {
    return reader.Error(field, StrCat("the ", ToText(kind),
                                      " sampler learns from no trial; take sampler: tpe, gp or "
                                      "cma_es"));
  }
  std::vector<std::string> names;
  for (const Field& entry : entries) {
    VIZSLA_ASSIGN_OR_RETURN(std::string name, reader.ReadText(entry));
    if (const absl::Status status = CheckStudyName(name); !status.ok()) {
      return reader.Error(entry, std::string(status.message()));
    }
    if (name == study.name) return reader.Error(entry, "is this study itself");
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      return reader.Error(entry, "stands there twice");
    }
    names.push_back(std::move(name));
  }
  return names;
}

}  // namespace vizsla::spec
