// A configuration: the value of each parameter that is active in one trial. Names of inactive
// parameters (whose condition does not hold) are absent.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "src/study/value.h"

namespace vizsla {

// Sorted by name, so that equal configurations have equal JSON.
using Configuration = std::map<std::string, ParameterValue>;

nlohmann::json ToJson(const Configuration& configuration);
absl::StatusOr<Configuration> ConfigurationFromJson(const nlohmann::json& json);

// Compact canonical JSON: the identity of a configuration, what is stored and sent.
std::string ToJsonText(const Configuration& configuration);
absl::StatusOr<Configuration> ConfigurationFromJsonText(std::string_view text);

}  // namespace vizsla
