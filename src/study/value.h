// The value of one parameter, and its canonical text.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <variant>
#include <vector>

#include "src/base/status.h"

namespace vizsla {

using IntList = std::vector<int64_t>;  // for instance the sizes of the dense layers; may be empty

// Value type. An integer is not equal to the same number as a float.
using ParameterValue = std::variant<bool, int64_t, double, std::string, IntList>;

nlohmann::json ToJson(const ParameterValue& value);
// InvalidArgument for objects, null, and lists of anything but integers.
absl::StatusOr<ParameterValue> ParameterValueFromJson(const nlohmann::json& json);

// For people: avg, 0.001, [128, 128], true. Floats print the shortest digits that read back equal.
std::string ToText(const ParameterValue& value);

// "true/false", "an integer", "a number", "a word", "a list of integers": for messages.
std::string KindOf(const ParameterValue& value);

}  // namespace vizsla
