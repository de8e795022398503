// The `parameters:` and `enqueue:` parts of a study's YAML. Internal to src/spec.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "src/spec/yaml_reader.h"
#include "src/study/study.h"

namespace vizsla::spec {

// The space with parents before their children, and where each parameter stands in the file.
struct ParsedSpace {
  SearchSpace space;
  std::map<std::string, Field> places;
};

absl::StatusOr<ParsedSpace> ParseParameters(const Reader& reader, const Field& parameters);

// Completes each configuration with the space's fixed parameters and checks it against the catalog.
absl::StatusOr<std::vector<EnqueuedTrial>> ParseEnqueue(const Reader& reader, const Field& enqueue,
                                                        const SearchSpace& space,
                                                        const StudySpec& spec);

// Combinations of values that the catalog refuses though each value is allowed. Looks at every
// configuration when the space, reduced to what combinations depend on, is small enough; otherwise
// at the first 50,000 of each network and initial weights.
absl::Status CheckCombinations(const Reader& reader, const ParsedSpace& parsed,
                               const StudySpec& spec);

}  // namespace vizsla::spec
