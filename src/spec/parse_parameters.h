// The `parameters:` part of a study's YAML. Internal to src/spec.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "src/catalog/training_plan.h"
#include "src/spec/yaml_reader.h"
#include "src/study/study.h"

namespace vizsla::spec {

// The space with parents before their children, and where each parameter stands in the file.
struct ParsedSpace {
  SearchSpace space;
  std::map<std::string, Field> places;
};

// With `earlier` the parameters are a later stage's, and conditions may also name what the trials
// of the stages in `earlier` have.
absl::StatusOr<ParsedSpace> ParseParameters(const Reader& reader, const Field& parameters,
                                            const StudySpec* earlier = nullptr);

// What the catalog knows of the name; an error at `mark` when it knows nothing.
absl::StatusOr<const ParameterInfo*> FindInfo(const Reader& reader, const YAML::Mark& mark,
                                              const std::string& path, const std::string& name);
// A value that the catalog allows the parameter.
absl::StatusOr<ParameterValue> ReadAllowedValue(const Reader& reader, const Field& field,
                                                const ParameterInfo& info);
// The catalog's messages begin with "parameter NAME: "; where the place says that already, the two
// are wanted apart. The name is empty when there is none.
std::pair<std::string, std::string> SplitMessage(const absl::Status& status);
absl::Status CatalogError(const Reader& reader, const Field& field, const absl::Status& status);

}  // namespace vizsla::spec
