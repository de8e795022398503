#include "src/storage/metrics_text.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "src/study/json_append.h"
#include "src/study/json_fields.h"

namespace vizsla {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::optional<double> NumberOf(std::string_view word) {
  if (word == "nan") return kNan;
  if (word == "inf") return kInfinity;
  if (word == "-inf") return -kInfinity;
  return std::nullopt;
}

// What stands between quotes at the start of `rest`, which moves behind it. Nullopt when nothing
// does, or it has escapes.
std::optional<std::string_view> TakeText(std::string_view& rest) {
  if (!rest.starts_with('"')) return std::nullopt;
  const size_t end = rest.find_first_of("\"\\", 1);
  if (end == std::string_view::npos || rest[end] == '\\') return std::nullopt;
  const std::string_view text = rest.substr(1, end - 1);
  rest.remove_prefix(end + 1);
  return text;
}

// The outer optional is empty when the text is not of the form that MetricsToText gives usual
// names; the inner one when the metric is not there.
std::optional<std::optional<double>> QuickMetric(std::string_view rest, std::string_view name) {
  for (char before = '{'; rest.starts_with(before); before = ',') {
    rest.remove_prefix(1);
    const auto found = TakeText(rest);
    if (!found || !rest.starts_with(':')) return std::nullopt;
    rest.remove_prefix(1);
    std::optional<double> value;
    if (rest.starts_with('"')) {
      const auto word = TakeText(rest);
      if (!word) return std::nullopt;
      value = NumberOf(*word);
    } else {
      const size_t end = rest.find_first_of(",}");
      if (end == std::string_view::npos || end == 0) return std::nullopt;
      if (found == name) {
        double number = 0;
        const auto [stop, error] = std::from_chars(rest.data(), rest.data() + end, number);
        if (error == std::errc() && stop == rest.data() + end) value = number;
      }
      rest.remove_prefix(end);
    }
    if (found == name && !value) return std::nullopt;
    if (found == name) return std::make_optional(value);
  }
  if (rest != "}") return std::nullopt;
  return std::make_optional(std::optional<double>());
}

// Nullopt when a name needs escapes.
std::optional<std::string> QuickText(const Metrics& metrics) {
  std::string text;
  for (const auto& [name, value] : metrics) {
    if (!BeginMember(name, text)) return std::nullopt;
    if (std::isfinite(value)) {
      AppendNumber(value, text);
    } else {
      text += std::isnan(value) ? "\"nan\"" : (value > 0 ? "\"inf\"" : "\"-inf\"");
    }
  }
  EndObject(text);
  return text;
}

}  // namespace

std::string MetricsToText(const Metrics& metrics) {
  if (auto text = QuickText(metrics)) return *std::move(text);
  nlohmann::json fields = nlohmann::json::object();
  for (const auto& [name, value] : metrics) {
    if (std::isnan(value)) {
      fields[name] = "nan";
    } else if (std::isinf(value)) {
      fields[name] = value > 0 ? "inf" : "-inf";
    } else {
      fields[name] = value;
    }
  }
  return DumpJson(fields);
}

absl::StatusOr<Metrics> MetricsFromText(std::string_view text) {
  VIZSLA_ASSIGN_OR_RETURN(const nlohmann::json fields, ParseJson(text, "metrics"));
  Metrics metrics;
  if (!fields.is_object()) return absl::DataLossError("metrics: not an object");
  for (const auto& [name, value] : fields.items()) {
    const std::optional<double> word =
        value.is_string() ? NumberOf(value.get_ref<const std::string&>()) : std::nullopt;
    if (value.is_number()) {
      metrics[name] = value.get<double>();
    } else if (word) {
      metrics[name] = *word;
    } else {
      return absl::DataLossError(StrCat("metrics: ", name, " is no number"));
    }
  }
  return metrics;
}

absl::StatusOr<double> MetricFromText(std::string_view text, const std::string& name) {
  if (const auto quick = QuickMetric(text, name)) return quick->value_or(kNan);
  VIZSLA_ASSIGN_OR_RETURN(const Metrics metrics, MetricsFromText(text));
  const auto found = metrics.find(name);
  return found != metrics.end() ? found->second : kNan;
}

}  // namespace vizsla
