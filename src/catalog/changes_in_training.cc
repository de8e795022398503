#include "src/catalog/changes_in_training.h"

#include "src/base/str_cat.h"
#include "src/catalog/parameter_values.h"

namespace vizsla {
namespace {

std::string ValueText(const Configuration& configuration, const std::string& name) {
  const auto found = configuration.find(name);
  return found == configuration.end() ? "its default" : ToText(found->second);
}

}  // namespace

bool MayChangeInTraining(std::string_view parameter) {
  const ParameterInfo* info = FindParameterInfo(parameter);
  return info != nullptr && info->changes_in_training;
}

absl::Status CheckChangesInTraining(const Configuration& before, const Configuration& after) {
  Configuration all = before;
  all.insert(after.begin(), after.end());
  for (const auto& [name, value] : all) {
    const std::string old_text = ValueText(before, name);
    const std::string new_text = ValueText(after, name);
    if (old_text == new_text || MayChangeInTraining(name)) continue;
    return ParameterError(name, StrCat("cannot change from ", old_text, " to ", new_text,
                                       " in the middle of training"));
  }
  return absl::OkStatus();
}

}  // namespace vizsla
