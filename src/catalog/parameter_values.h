// Internal to src/catalog: one parameter's values, checked by themselves, and a configuration with
// its defaults.
#pragma once

#include <string>
#include <string_view>

#include "src/base/status.h"
#include "src/catalog/training_plan.h"

namespace vizsla {

// "parameter NAME: REASON", the form that src/spec takes apart to find the place in the file.
absl::Status ParameterError(std::string_view name, const std::string& reason);
absl::Status UnknownParameter(std::string_view name);

// Null when there is no such parameter.
const ParameterInfo* FindParameterInfo(std::string_view name);

// "must be one of avg, max, flatten"
std::string Wanted(const ParameterInfo& info);
// Why the value is not allowed, whatever the others are; empty when it is.
std::string Objection(const ParameterInfo& info, const ParameterValue& value);

// The configuration with defaults. Every value has been checked.
class ParameterValues {
 public:
  explicit ParameterValues(const Configuration& configuration) : configuration_(configuration) {}

  bool Given(const std::string& name) const { return configuration_.contains(name); }
  template <typename T>
  T Get(const std::string& name) const {
    const auto found = configuration_.find(name);
    const ParameterValue& value =
        found == configuration_.end() ? FindParameterInfo(name)->default_value : found->second;
    return std::get<T>(value);
  }
  // For parameters whose default depends on other things.
  template <typename T>
  T GetOr(const std::string& name, T otherwise) const {
    return Given(name) ? Get<T>(name) : otherwise;
  }
  int Integer(const std::string& name) const { return static_cast<int>(Get<int64_t>(name)); }
  std::string Word(const std::string& name) const { return Get<std::string>(name); }

 private:
  const Configuration& configuration_;
};

}  // namespace vizsla
