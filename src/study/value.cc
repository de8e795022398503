#include "src/study/value.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "absl/strings/str_join.h"
#include "src/study/json_fields.h"

namespace vizsla {
namespace {

bool IsInt64(const nlohmann::json& json) {
  if (!json.is_number_integer()) return false;
  return !json.is_number_unsigned() ||
         json.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
}

// 0.0001 rather than to_chars' 1e-04, and 1e-7 rather than 1e-07.
std::string ShortestText(double value) {
  const double magnitude = std::abs(value);
  const bool fixed = magnitude == 0 || (magnitude >= 1e-4 && magnitude < 1e15);
  char buffer[64];
  const auto result =
      std::to_chars(buffer, buffer + sizeof(buffer), value,
                    fixed ? std::chars_format::fixed : std::chars_format::scientific);
  std::string text(buffer, result.ptr);
  if (const size_t exponent = text.find('e'); exponent != std::string::npos) {
    size_t zeros = exponent + 2;  // behind the sign
    while (zeros + 1 < text.size() && text[zeros] == '0') text.erase(zeros, 1);
  }
  return text;
}

struct Printer {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(int64_t value) const { return StrCat(value); }
  std::string operator()(double value) const { return ShortestText(value); }
  std::string operator()(const std::string& value) const { return value; }
  std::string operator()(const IntList& value) const {
    return StrCat("[", absl::StrJoin(value, ", "), "]");
  }
};

}  // namespace

nlohmann::json ToJson(const ParameterValue& value) {
  return std::visit([](const auto& v) { return nlohmann::json(v); }, value);
}

absl::StatusOr<ParameterValue> ParameterValueFromJson(const nlohmann::json& json) {
  if (json.is_boolean()) return ParameterValue(json.get<bool>());
  if (IsInt64(json)) return ParameterValue(json.get<int64_t>());
  if (json.is_number_float() && std::isfinite(json.get<double>())) {
    return ParameterValue(json.get<double>());
  }
  if (json.is_string()) return ParameterValue(json.get<std::string>());
  if (json.is_array()) {
    IntList list;
    for (const nlohmann::json& entry : json) {
      if (!IsInt64(entry)) {
        return absl::InvalidArgumentError(
            StrCat("a list may hold integers only, not ", DumpJson(entry)));
      }
      list.push_back(entry.get<int64_t>());
    }
    return ParameterValue(std::move(list));
  }
  return absl::InvalidArgumentError(
      StrCat("not a value of a parameter: ", DumpJson(json).substr(0, 60)));
}

std::string ToText(const ParameterValue& value) { return std::visit(Printer(), value); }

std::string KindOf(const ParameterValue& value) {
  switch (value.index()) {
    case 0:
      return "true/false";
    case 1:
      return "an integer";
    case 2:
      return "a number";
    case 3:
      return "a word";
    default:
      return "a list of integers";
  }
}

}  // namespace vizsla
