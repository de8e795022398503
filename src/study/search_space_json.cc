#include <nlohmann/json.hpp>

#include "src/study/json_fields.h"
#include "src/study/search_space.h"

namespace vizsla {
namespace {

using nlohmann::json;

json ValuesToJson(const std::vector<ParameterValue>& values) {
  json list = json::array();
  for (const ParameterValue& value : values) list.push_back(ToJson(value));
  return list;
}

json DomainToJson(const Domain& domain) {
  if (const auto* d = std::get_if<FloatDomain>(&domain)) {
    json fields = {{"type", "float"}, {"low", d->low}, {"high", d->high}, {"log", d->log}};
    if (d->step) fields["step"] = *d->step;
    return fields;
  }
  if (const auto* d = std::get_if<IntDomain>(&domain)) {
    return {
        {"type", "int"}, {"low", d->low}, {"high", d->high}, {"log", d->log}, {"step", d->step}};
  }
  return {{"type", "categorical"},
          {"choices", ValuesToJson(std::get<CategoricalDomain>(domain).choices)}};
}

std::vector<ParameterValue> ValuesFromJson(JsonFields& fields, const std::string& key) {
  std::vector<ParameterValue> values;
  const json* list = fields.Get(key);
  if (list == nullptr) return values;
  if (!list->is_array()) {
    fields.Fail(key, "must be a list");
    return values;
  }
  for (const json& entry : *list) {
    auto value = ParameterValueFromJson(entry);
    if (value.ok()) {
      values.push_back(*std::move(value));
    } else {
      fields.Note(Annotate(value.status(), key));
    }
  }
  return values;
}

absl::StatusOr<Domain> DomainFromJson(const json& json, std::string_view what) {
  JsonFields fields(json, what);
  const std::string type = fields.String("type");
  Domain domain;
  if (type == "float") {
    FloatDomain d;
    d.low = fields.Double("low");
    d.high = fields.Double("high");
    d.log = fields.Bool("log");
    if (fields.Has("step")) d.step = fields.Double("step");
    domain = d;
  } else if (type == "int") {
    IntDomain d;
    d.low = fields.Int("low");
    d.high = fields.Int("high");
    d.log = fields.Bool("log");
    d.step = fields.Int("step");
    domain = d;
  } else if (type == "categorical") {
    domain = CategoricalDomain{ValuesFromJson(fields, "choices")};
  } else {
    fields.Fail("type", StrCat("'", type, "' is none of float, int, categorical"));
  }
  VIZSLA_RETURN_IF_ERROR(fields.Finish());
  return domain;
}

absl::StatusOr<Parameter> ParameterFromJson(const json& json) {
  JsonFields fields(json, "parameter");
  Parameter parameter;
  parameter.name = fields.String("name");
  if (const auto* domain = fields.Get("domain")) {
    auto parsed = DomainFromJson(*domain, StrCat("domain of ", parameter.name));
    if (parsed.ok()) {
      parameter.domain = *std::move(parsed);
    } else {
      fields.Note(parsed.status());
    }
  }
  if (const auto* conditions = fields.Get("conditions")) {
    if (!conditions->is_array()) fields.Fail("conditions", "must be a list");
    for (const auto& entry : *conditions) {
      JsonFields condition(entry, StrCat("condition of ", parameter.name));
      Condition parsed;
      parsed.parent = condition.String("parent");
      parsed.values = ValuesFromJson(condition, "values");
      fields.Note(condition.Finish());
      parameter.conditions.push_back(std::move(parsed));
    }
  }
  VIZSLA_RETURN_IF_ERROR(fields.Finish());
  return parameter;
}

}  // namespace

nlohmann::json ToJson(const SearchSpace& space) {
  json list = json::array();
  for (const Parameter& parameter : space.parameters) {
    json conditions = json::array();
    for (const Condition& condition : parameter.conditions) {
      conditions.push_back(
          {{"parent", condition.parent}, {"values", ValuesToJson(condition.values)}});
    }
    list.push_back({{"name", parameter.name},
                    {"domain", DomainToJson(parameter.domain)},
                    {"conditions", conditions}});
  }
  return list;
}

absl::StatusOr<SearchSpace> OpenSearchSpaceFromJson(const nlohmann::json& json) {
  if (!json.is_array()) {
    return absl::InvalidArgumentError("search space: must be a list of parameters");
  }
  SearchSpace space;
  for (const auto& entry : json) {
    VIZSLA_ASSIGN_OR_RETURN(Parameter parameter, ParameterFromJson(entry));
    space.parameters.push_back(std::move(parameter));
  }
  return space;
}

absl::StatusOr<SearchSpace> SearchSpaceFromJson(const nlohmann::json& json) {
  VIZSLA_ASSIGN_OR_RETURN(SearchSpace space, OpenSearchSpaceFromJson(json));
  if (const absl::Status status = Validate(space); !status.ok()) {
    return Annotate(status, "search space");
  }
  return space;
}

}  // namespace vizsla
