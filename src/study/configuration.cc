#include "src/study/configuration.h"

#include <nlohmann/json.hpp>

#include "src/study/canonical_json.h"
#include "src/study/json_fields.h"

namespace vizsla {

nlohmann::json ToJson(const Configuration& configuration) {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [name, value] : configuration) json[name] = ToJson(value);
  return json;
}

absl::StatusOr<Configuration> ConfigurationFromJson(const nlohmann::json& json) {
  if (!json.is_object()) {
    return absl::InvalidArgumentError(
        StrCat("configuration: must be an object, is ", DumpJson(json).substr(0, 60)));
  }
  Configuration configuration;
  for (const auto& [name, field] : json.items()) {
    auto value = ParameterValueFromJson(field);
    if (!value.ok()) return Annotate(value.status(), StrCat("configuration: ", name));
    configuration.emplace(name, *std::move(value));
  }
  return configuration;
}

std::string ToJsonText(const Configuration& configuration) {
  if (auto text = WriteCanonicalConfiguration(configuration)) return *std::move(text);
  return DumpJson(ToJson(configuration));
}

absl::StatusOr<Configuration> ConfigurationFromJsonText(std::string_view text) {
  if (auto configuration = ReadCanonicalConfiguration(text)) return *std::move(configuration);
  VIZSLA_ASSIGN_OR_RETURN(const nlohmann::json json, ParseJson(text, "configuration"));
  return ConfigurationFromJson(json);
}

}  // namespace vizsla
