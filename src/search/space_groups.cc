#include "src/search/space_groups.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>

namespace vizsla {
namespace {

// Which values each of some parameters must have: the conjunction of a parameter's conditions and
// of those that make its parents active. Only parents that may also have another value are named,
// which makes it canonical: two parameters are always active together when theirs are equal.
using Requirement = std::map<std::string, std::set<int64_t>>;

void Require(Requirement& requirement, const std::string& parent, const std::set<int64_t>& values) {
  const auto [entry, added] = requirement.try_emplace(parent, values);
  if (added) return;
  std::set<int64_t> both;
  std::set_intersection(entry->second.begin(), entry->second.end(), values.begin(), values.end(),
                        std::inserter(both, both.end()));
  entry->second = std::move(both);
}

}  // namespace

std::vector<SpaceGroup> DecomposeSpace(const SearchSpace& space) {
  std::vector<SpaceGroup> groups;
  std::map<Requirement, size_t> group_of;
  std::map<std::string, Requirement> requirements;
  for (size_t i = 0; i < space.parameters.size(); ++i) {
    const Parameter& parameter = space.parameters[i];
    Requirement requirement;
    for (const Condition& condition : parameter.conditions) {
      const Domain& parent = space.Find(condition.parent)->domain;
      std::set<int64_t> values;
      for (const ParameterValue& value : condition.values) values.insert(IndexOf(parent, value));
      if (static_cast<int64_t>(values.size()) < CountValues(parent)) {
        Require(requirement, condition.parent, values);
      }
      for (const auto& [name, of_name] : requirements.at(condition.parent)) {
        Require(requirement, name, of_name);
      }
    }
    const auto [group, added] = group_of.try_emplace(requirement, groups.size());
    if (added) groups.emplace_back();
    groups[group->second].push_back(static_cast<int>(i));
    requirements.emplace(parameter.name, std::move(requirement));
  }
  return groups;
}

}  // namespace vizsla
