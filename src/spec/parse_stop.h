// `stop:` and `learn_from:` of a study. Internal to src/spec.
#pragma once

#include <string>
#include <vector>

#include "src/spec/yaml_reader.h"
#include "src/study/study.h"

namespace vizsla::spec {

absl::StatusOr<StopRules> ReadStop(const Reader& reader, const Field& field);

// A name, or a list of them; `study` has its name and sampler already.
absl::StatusOr<std::vector<std::string>> ReadLearnFrom(const Reader& reader, const Field& field,
                                                       const StudySpec& study);

}  // namespace vizsla::spec
