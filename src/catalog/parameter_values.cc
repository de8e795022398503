#include "src/catalog/parameter_values.h"

#include <algorithm>
#include <vector>

#include "src/base/check.h"
#include "src/catalog/backbones.h"
#include "src/study/closest_word.h"

namespace vizsla {
namespace {

constexpr size_t kMostDenseLayers = 8;

bool NamesALayer(std::string_view word) {
  return std::any_of(Backbones().begin(), Backbones().end(), [&](const BackboneInfo& backbone) {
    return backbone.FindCut(word).has_value();
  });
}

}  // namespace

absl::Status ParameterError(std::string_view name, const std::string& reason) {
  return absl::InvalidArgumentError(StrCat("parameter ", std::string(name), ": ", reason));
}

absl::Status UnknownParameter(std::string_view name) {
  std::vector<std::string> names;
  for (const ParameterInfo& info : KnownParameters()) names.push_back(info.name);
  return ParameterError(name, StrCat("unknown", Suggestion(name, names)));
}

const ParameterInfo* FindParameterInfo(std::string_view name) {
  for (const ParameterInfo& info : KnownParameters()) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

std::string Wanted(const ParameterInfo& info) {
  if (info.kind == "word") return StrCat("must be one of ", info.allowed);
  if (info.kind == "layer name") return StrCat("must be ", info.allowed);
  if (info.kind == "boolean") return "must be true or false";
  if (info.kind == "list of integers") {
    return StrCat("must be a list of integers (", info.allowed, ")");
  }
  return StrCat("must be ", info.kind == "integer" ? "an integer" : "a number", " from ",
                info.allowed);
}

std::string Objection(const ParameterInfo& info, const ParameterValue& value) {
  const auto refuse = [&](std::string_view note) {
    return StrCat(Wanted(info), ", not ", ToText(value), std::string(note));
  };
  if (info.kind == "word" || info.kind == "layer name") {
    const auto* word = std::get_if<std::string>(&value);
    if (word == nullptr) return refuse("");
    if (std::find(info.words.begin(), info.words.end(), *word) != info.words.end()) return "";
    if (info.kind == "layer name" && NamesALayer(*word)) return "";
    const auto closest = ClosestWord(*word, info.words);
    return refuse(closest ? StrCat("; did you mean '", *closest, "'?") : "");
  }
  if (info.kind == "boolean") return std::holds_alternative<bool>(value) ? "" : refuse("");
  if (info.kind == "integer") {
    const auto* number = std::get_if<int64_t>(&value);
    if (number == nullptr) return refuse("");
    const double as_double = static_cast<double>(*number);
    return as_double >= info.low && as_double <= info.high ? "" : refuse("");
  }
  if (info.kind == "number") {
    const auto* number = std::get_if<double>(&value);
    return number != nullptr && *number >= info.low && *number <= info.high ? "" : refuse("");
  }
  VIZSLA_CHECK(info.kind == "list of integers");
  const auto* list = std::get_if<IntList>(&value);
  if (list == nullptr || list->size() > kMostDenseLayers) return refuse("");
  const bool all_allowed = std::all_of(list->begin(), list->end(), [&](int64_t entry) {
    return static_cast<double>(entry) >= info.low && static_cast<double>(entry) <= info.high;
  });
  return all_allowed ? "" : refuse("");
}

absl::Status ValidateParameter(const Parameter& parameter) {
  const ParameterInfo* info = FindParameterInfo(parameter.name);
  if (info == nullptr) return UnknownParameter(parameter.name);
  const auto check = [&](const ParameterValue& value) -> absl::Status {
    const std::string objection = Objection(*info, value);
    return objection.empty() ? absl::OkStatus() : ParameterError(parameter.name, objection);
  };
  if (const auto* domain = std::get_if<FloatDomain>(&parameter.domain)) {
    if (info->kind != "number") {
      return ParameterError(parameter.name, StrCat(Wanted(*info), ", not a float range"));
    }
    VIZSLA_RETURN_IF_ERROR(check(domain->low));
    return check(domain->high);
  }
  if (const auto* domain = std::get_if<IntDomain>(&parameter.domain)) {
    if (info->kind != "integer") {
      return ParameterError(parameter.name, StrCat(Wanted(*info), ", not an int range"));
    }
    VIZSLA_RETURN_IF_ERROR(check(domain->low));
    return check(domain->high);
  }
  for (const ParameterValue& choice : std::get<CategoricalDomain>(parameter.domain).choices) {
    VIZSLA_RETURN_IF_ERROR(check(choice));
  }
  return absl::OkStatus();
}

}  // namespace vizsla
