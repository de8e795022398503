// `repeats:` and `final:` of a study. Internal to src/spec.
#pragma once

#include "src/spec/yaml_reader.h"
#include "src/study/study.h"

namespace vizsla::spec {

absl::Status ReadRepeats(const Reader& reader, const Mapping& root, StudySpec& study);
// Once objective and stages are known: all of them go with what was read (CheckGoesWithRepeats).
absl::Status CheckRepeatedPruners(const Reader& reader, const Mapping& root,
                                  const StudySpec& study);

}  // namespace vizsla::spec
