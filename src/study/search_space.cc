#include "src/study/search_space.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "absl/strings/str_join.h"
#include "src/base/check.h"

namespace vizsla {
namespace {

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

// Beyond 2^53 a double, and so JSON in most languages, loses integers.
constexpr int64_t kLargestInteger = int64_t{1} << 53;
constexpr double kRelativeTolerance = 1e-9;

double Tolerance(const FloatDomain& domain) {
  return kRelativeTolerance * std::max(std::abs(domain.low), std::abs(domain.high));
}

// 0.1 + 2 * 0.1 is 0.30000000000000004; people and files want 0.3.
double Tidy(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof(buffer), "%.12g", value);
  return std::strtod(buffer, nullptr);
}

int64_t CountSteps(const FloatDomain& domain) {
  return static_cast<int64_t>(
             std::floor((domain.high - domain.low) / *domain.step + kRelativeTolerance)) +
         1;
}

bool ContainsFloat(const FloatDomain& domain, double value) {
  const double tolerance = Tolerance(domain);
  if (!(value >= domain.low - tolerance && value <= domain.high + tolerance)) return false;
  if (!domain.step) return true;
  const double index = std::round((value - domain.low) / *domain.step);
  return index >= 0 && index < static_cast<double>(CountSteps(domain)) &&
         std::abs(domain.low + index * *domain.step - value) <= tolerance;
}

absl::Status ValidateFloat(const FloatDomain& domain) {
  if (!std::isfinite(domain.low) || !std::isfinite(domain.high)) {
    return absl::InvalidArgumentError("the range must be finite");
  }
  const std::string range = StrCat("[", ToText(ParameterValue(domain.low)), ", ",
                                   ToText(ParameterValue(domain.high)), "]");
  if (domain.low > domain.high) {
    return absl::InvalidArgumentError(StrCat("the range ", range, " is empty"));
  }
  if (domain.log && domain.step) {
    return absl::InvalidArgumentError("log and step exclude each other");
  }
  if (domain.log && domain.low <= 0) {
    return absl::InvalidArgumentError(StrCat("log needs a range above 0, not ", range));
  }
  if (domain.step) {
    if (!std::isfinite(*domain.step) || *domain.step <= 0) {
      return absl::InvalidArgumentError("step must be above 0");
    }
    if (*domain.step > (domain.high - domain.low) * (1 + kRelativeTolerance)) {
      return absl::InvalidArgumentError(
          StrCat("step ", ToText(ParameterValue(*domain.step)), " exceeds the range ", range));
    }
    if ((domain.high - domain.low) / *domain.step > static_cast<double>(kLargestInteger)) {
      return absl::InvalidArgumentError("step is too small for the range");
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateInt(const IntDomain& domain) {
  const std::string range = StrCat("[", domain.low, ", ", domain.high, "]");
  if (domain.low < -kLargestInteger || domain.high > kLargestInteger) {
    return absl::InvalidArgumentError(StrCat("the range ", range, " exceeds 2^53"));
  }
  if (domain.low > domain.high) {
    return absl::InvalidArgumentError(StrCat("the range ", range, " is empty"));
  }
  if (domain.step < 1) return absl::InvalidArgumentError("step must be at least 1");
  if (domain.log && domain.step > 1) {
    return absl::InvalidArgumentError("log and step exclude each other");
  }
  if (domain.log && domain.low <= 0) {
    return absl::InvalidArgumentError(StrCat("log needs a range above 0, not ", range));
  }
  if (domain.step > 1 && domain.step > domain.high - domain.low) {
    return absl::InvalidArgumentError(StrCat("step ", domain.step, " exceeds the range ", range));
  }
  return absl::OkStatus();
}

absl::Status ValidateCategorical(const CategoricalDomain& domain) {
  if (domain.choices.empty()) return absl::InvalidArgumentError("there are no choices");
  for (size_t i = 0; i < domain.choices.size(); ++i) {
    const double* number = std::get_if<double>(&domain.choices[i]);
    if (number != nullptr && !std::isfinite(*number)) {
      return absl::InvalidArgumentError("choices must be finite");
    }
    if (std::find(domain.choices.begin(), domain.choices.begin() + i, domain.choices[i]) !=
        domain.choices.begin() + i) {
      return absl::InvalidArgumentError(
          StrCat("the choice ", ToText(domain.choices[i]), " is there twice"));
    }
  }
  return absl::OkStatus();
}

absl::Status ParameterError(std::string_view name, std::string_view reason) {
  return absl::InvalidArgumentError(StrCat("parameter ", name, ": ", reason));
}

absl::Status ValidateConditions(const SearchSpace& space, const Parameter& parameter,
                                const std::set<std::string>& before) {
  for (const Condition& condition : parameter.conditions) {
    const Parameter* parent = space.Find(condition.parent);
    if (parent == nullptr) {
      return ParameterError(parameter.name,
                            StrCat("depends on ", condition.parent, ", which is unknown"));
    }
    if (!before.contains(condition.parent)) {
      return ParameterError(parameter.name, StrCat("depends on ", condition.parent,
                                                   ", which does not stand before it"));
    }
    if (!CountValues(parent->domain)) {
      return ParameterError(parameter.name,
                            StrCat("depends on ", condition.parent,
                                   ", which is continuous and never has an exact value"));
    }
    if (condition.values.empty()) {
      return ParameterError(parameter.name, StrCat("depends on no value of ", condition.parent));
    }
    for (const ParameterValue& value : condition.values) {
      if (!Contains(parent->domain, value)) {
        return ParameterError(parameter.name, StrCat("depends on ", condition.parent, " being ",
                                                     ToText(value), ", which it can never be"));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

const Parameter* SearchSpace::Find(std::string_view name) const {
  for (const Parameter& parameter : parameters) {
    if (parameter.name == name) return &parameter;
  }
  return nullptr;
}

bool Contains(const Domain& domain, const ParameterValue& value) {
  return std::visit(Overloaded{[&](const FloatDomain& d) {
                                 const double* number = std::get_if<double>(&value);
                                 return number != nullptr && ContainsFloat(d, *number);
                               },
                               [&](const IntDomain& d) {
                                 const int64_t* number = std::get_if<int64_t>(&value);
                                 return number != nullptr && *number >= d.low &&
                                        *number <= d.high && (*number - d.low) % d.step == 0;
                               },
                               [&](const CategoricalDomain& d) {
                                 return std::find(d.choices.begin(), d.choices.end(), value) !=
                                        d.choices.end();
                               }},
                    domain);
}

bool IsActive(const Parameter& parameter, const Configuration& configuration) {
  return std::all_of(
      parameter.conditions.begin(), parameter.conditions.end(), [&](const Condition& condition) {
        const auto parent = configuration.find(condition.parent);
        return parent != configuration.end() &&
               std::find(condition.values.begin(), condition.values.end(), parent->second) !=
                   condition.values.end();
      });
}

std::optional<int64_t> CountValues(const Domain& domain) {
  return std::visit(Overloaded{[](const FloatDomain& d) -> std::optional<int64_t> {
                                 if (d.low == d.high) return 1;
                                 if (!d.step) return std::nullopt;
                                 return CountSteps(d);
                               },
                               [](const IntDomain& d) -> std::optional<int64_t> {
                                 return (d.high - d.low) / d.step + 1;
                               },
                               [](const CategoricalDomain& d) -> std::optional<int64_t> {
                                 return static_cast<int64_t>(d.choices.size());
                               }},
                    domain);
}

ParameterValue ValueAt(const Domain& domain, int64_t index) {
  return std::visit(
      Overloaded{[&](const FloatDomain& d) -> ParameterValue {
                   if (index == 0 || !d.step) return d.low;
                   return Tidy(d.low + static_cast<double>(index) * *d.step);
                 },
                 [&](const IntDomain& d) -> ParameterValue { return d.low + index * d.step; },
                 [&](const CategoricalDomain& d) -> ParameterValue {
                   VIZSLA_CHECK(index >= 0 && index < static_cast<int64_t>(d.choices.size()));
                   return d.choices[static_cast<size_t>(index)];
                 }},
      domain);
}

int64_t IndexOf(const Domain& domain, const ParameterValue& value) {
  return std::visit(Overloaded{[&](const FloatDomain& d) -> int64_t {
                                 if (!d.step) return 0;
                                 return std::llround((std::get<double>(value) - d.low) / *d.step);
                               },
                               [&](const IntDomain& d) -> int64_t {
                                 return (std::get<int64_t>(value) - d.low) / d.step;
                               },
                               [&](const CategoricalDomain& d) -> int64_t {
                                 return std::find(d.choices.begin(), d.choices.end(), value) -
                                        d.choices.begin();
                               }},
                    domain);
}

Configuration FirstConfiguration(const SearchSpace& space) {
  Configuration configuration;
  for (const Parameter& parameter : space.parameters) {
    if (IsActive(parameter, configuration)) {
      configuration.emplace(parameter.name, ValueAt(parameter.domain, 0));
    }
  }
  return configuration;
}

std::optional<Configuration> NextConfiguration(const SearchSpace& space,
                                               const Configuration& current) {
  // Values of the parameters before the moved one stay, so their activity stays too.
  for (size_t moved = space.parameters.size(); moved-- > 0;) {
    const Parameter& parameter = space.parameters[moved];
    const auto value = current.find(parameter.name);
    if (value == current.end()) continue;
    const int64_t index = IndexOf(parameter.domain, value->second) + 1;
    if (index >= CountValues(parameter.domain).value_or(1)) continue;
    Configuration next;
    for (size_t i = 0; i < space.parameters.size(); ++i) {
      const Parameter& other = space.parameters[i];
      if (i < moved) {
        if (const auto kept = current.find(other.name); kept != current.end()) next.insert(*kept);
      } else if (i == moved) {
        next.emplace(other.name, ValueAt(other.domain, index));
      } else if (IsActive(other, next)) {
        next.emplace(other.name, ValueAt(other.domain, 0));
      }
    }
    return next;
  }
  return std::nullopt;
}

std::string ToText(const Domain& domain) {
  return std::visit(
      Overloaded{[](const FloatDomain& d) {
                   return StrCat("{float: [", ToText(ParameterValue(d.low)), ", ",
                                 ToText(ParameterValue(d.high)), "]", d.log ? ", log: true" : "",
                                 d.step ? StrCat(", step: ", ToText(ParameterValue(*d.step))) : "",
                                 "}");
                 },
                 [](const IntDomain& d) {
                   return StrCat("{int: [", d.low, ", ", d.high, "]", d.log ? ", log: true" : "",
                                 d.step != 1 ? StrCat(", step: ", d.step) : "", "}");
                 },
                 [](const CategoricalDomain& d) {
                   if (d.choices.size() == 1) return ToText(d.choices[0]);
                   const auto print = [](std::string* out, const ParameterValue& value) {
                     absl::StrAppend(out, ToText(value));
                   };
                   return StrCat("{choices: [", absl::StrJoin(d.choices, ", ", print), "]}");
                 }},
      domain);
}

absl::Status Validate(const Domain& domain) {
  return std::visit(Overloaded{[](const FloatDomain& d) { return ValidateFloat(d); },
                               [](const IntDomain& d) { return ValidateInt(d); },
                               [](const CategoricalDomain& d) { return ValidateCategorical(d); }},
                    domain);
}

absl::Status Validate(const SearchSpace& space) {
  std::set<std::string> before;
  for (const Parameter& parameter : space.parameters) {
    if (parameter.name.empty()) return absl::InvalidArgumentError("a parameter has no name");
    if (const absl::Status status = Validate(parameter.domain); !status.ok()) {
      return ParameterError(parameter.name, std::string(status.message()));
    }
    VIZSLA_RETURN_IF_ERROR(ValidateConditions(space, parameter, before));
    if (!before.insert(parameter.name).second) {
      return ParameterError(parameter.name, "is there twice");
    }
  }
  if (const auto never = NeverActive(space); !never.empty()) {
    return ParameterError(never[0], "its conditions exclude each other: it is never active");
  }
  return absl::OkStatus();
}

absl::Status Validate(const SearchSpace& space, const Configuration& configuration) {
  size_t active = 0;
  for (const Parameter& parameter : space.parameters) {
    const auto value = configuration.find(parameter.name);
    if (!IsActive(parameter, configuration)) {
      if (value != configuration.end()) {
        return ParameterError(parameter.name, "is given, but its condition does not hold");
      }
      continue;
    }
    if (value == configuration.end()) return ParameterError(parameter.name, "is missing");
    if (!Contains(parameter.domain, value->second)) {
      return ParameterError(parameter.name,
                            StrCat(ToText(value->second), " is not in ", ToText(parameter.domain)));
    }
    ++active;
  }
  if (active != configuration.size()) {
    for (const auto& [name, value] : configuration) {
      if (space.Find(name) == nullptr) return ParameterError(name, "is not in the search space");
    }
  }
  return absl::OkStatus();
}

}  // namespace vizsla
