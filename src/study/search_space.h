// What may be searched: parameters with domains and conditions. Pure data and pure functions.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "src/study/configuration.h"

namespace vizsla {

// [low, high], both ends included. With `step`: low, low + step, ... up to high. With `log`:
// uniform in the logarithm, low > 0. Step and log exclude each other.
struct FloatDomain {
  double low = 0;
  double high = 0;
  bool log = false;
  std::optional<double> step = std::nullopt;
  bool operator==(const FloatDomain&) const = default;
};

// Integers from low to high, both included, `step` apart (step >= 1). Log excludes step > 1.
struct IntDomain {
  int64_t low = 0;
  int64_t high = 0;
  bool log = false;
  int64_t step = 1;
  bool operator==(const IntDomain&) const = default;
};

// One of the listed values, which may be lists; at least one, all different. A fixed value is a
// categorical of one choice.
struct CategoricalDomain {
  std::vector<ParameterValue> choices;
  bool operator==(const CategoricalDomain&) const = default;
};

using Domain = std::variant<FloatDomain, IntDomain, CategoricalDomain>;

// Active only while `parent` is active and has one of `values` (`when:` in YAML). Several
// conditions of one parameter must all hold.
struct Condition {
  std::string parent;
  std::vector<ParameterValue> values;
  bool operator==(const Condition&) const = default;
};

struct Parameter {
  std::string name;
  Domain domain;
  std::vector<Condition> conditions;
  bool operator==(const Parameter&) const = default;
};

// Parameters in an order where every parent stands before its children.
struct SearchSpace {
  std::vector<Parameter> parameters;
  const Parameter* Find(std::string_view name) const;  // null when absent
  bool operator==(const SearchSpace&) const = default;
};

// Whether the value lies in the domain (on a step, within 1e-9 of the range for floats).
bool Contains(const Domain& domain, const ParameterValue& value);

// Whether the parameter's conditions hold in a configuration of the parameters before it.
bool IsActive(const Parameter& parameter, const Configuration& configuration);

// How many values the domain has; nullopt for a continuous float.
std::optional<int64_t> CountValues(const Domain& domain);
// The i-th value of a finite domain, 0 <= i < CountValues.
ParameterValue ValueAt(const Domain& domain, int64_t index);
// Its inverse for a value that the domain contains (floats: the nearest step).
int64_t IndexOf(const Domain& domain, const ParameterValue& value);

// The number of distinct configurations, conditions counted exactly; nullopt when infinite or above
// 2^62.
std::optional<int64_t> CountConfigurations(const SearchSpace& space);

// Walks every configuration of a finite space once, in mixed-radix order (the last parameter moves
// fastest; inactive parameters are absent). `First` takes each domain's first value; `Next` is
// nullopt after the last one. A continuous domain counts as its low end only: ask
// CountConfigurations first.
Configuration FirstConfiguration(const SearchSpace& space);
std::optional<Configuration> NextConfiguration(const SearchSpace& space,
                                               const Configuration& current);

// As YAML would say it: "{float: [0, 0.6], step: 0.1}", "{choices: [avg, max]}", "avg" when fixed.
std::string ToText(const Domain& domain);

// The space is sound: names unique, domains not empty, parents known, before their children, and
// able to take the named values (a continuous float cannot be a parent), every parameter active in
// some configuration. The message names the parameter.
absl::Status Validate(const SearchSpace& space);
// The part of it that looks at one domain; the message does not name the parameter.
absl::Status Validate(const Domain& domain);
// Names of parameters whose conditions exclude each other, so that they are never active.
std::vector<std::string> NeverActive(const SearchSpace& space);

// The configuration has exactly the active parameters with values of their domains.
absl::Status Validate(const SearchSpace& space, const Configuration& configuration);

nlohmann::json ToJson(const SearchSpace& space);
absl::StatusOr<SearchSpace> SearchSpaceFromJson(const nlohmann::json& json);
// The same without looking at the space as a whole: of a stage, whose conditions may name
// parameters of earlier stages.
absl::StatusOr<SearchSpace> OpenSearchSpaceFromJson(const nlohmann::json& json);

}  // namespace vizsla
