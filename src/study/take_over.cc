#include "src/study/take_over.h"

#include <algorithm>
#include <set>

namespace vizsla {
namespace {

// The parameter without the conditions' values that its parent cannot have here; nullopt when that
// leaves a condition nobody can meet.
std::optional<Parameter> Restricted(const SearchSpace& space, const Parameter& parameter) {
  Parameter restricted = parameter;
  for (Condition& condition : restricted.conditions) {
    const Parameter* parent = space.Find(condition.parent);
    if (parent == nullptr) return std::nullopt;
    std::erase_if(condition.values,
                  [&](const ParameterValue& value) { return !Contains(parent->domain, value); });
    if (condition.values.empty()) return std::nullopt;
  }
  return restricted;
}

// Parents that only the source has, fixed; then what can be active. `without` is left out.
SearchSpace Assemble(const SearchSpace& stage, const Configuration& source,
                     const std::set<std::string>& without) {
  SearchSpace space;
  for (const Parameter& parameter : stage.parameters) {
    for (const Condition& condition : parameter.conditions) {
      const auto fixed = source.find(condition.parent);
      if (fixed == source.end() || stage.Find(condition.parent) != nullptr ||
          space.Find(condition.parent) != nullptr) {
        continue;
      }
      space.parameters.push_back({fixed->first, CategoricalDomain{{fixed->second}}, {}});
    }
  }
  for (const Parameter& parameter : stage.parameters) {
    if (without.contains(parameter.name)) continue;
    if (auto restricted = Restricted(space, parameter)) {
      space.parameters.push_back(*std::move(restricted));
    }
  }
  return space;
}

// The newest declaration up to `stage`; null when no space has the name.
const Parameter* FindDeclaration(const StudySpec& spec, int stage, const std::string& name) {
  for (; stage >= 1; --stage) {
    if (const Parameter* found = StageOf(spec, stage).space.Find(name)) return found;
  }
  return nullptr;
}

}  // namespace

SearchSpace SpaceOn(const SearchSpace& stage, const Configuration& source) {
  std::set<std::string> never;
  for (;;) {
    SearchSpace space = Assemble(stage, source, never);
    const std::vector<std::string> excluded = NeverActive(space);
    if (excluded.empty()) return space;
    never.insert(excluded.begin(), excluded.end());
  }
}

SearchSpace ClosedSpace(const SearchSpace& stage) {
  SearchSpace space;
  for (const Parameter& parameter : stage.parameters) {
    for (const Condition& condition : parameter.conditions) {
      if (stage.Find(condition.parent) != nullptr) continue;
      auto parent = std::find_if(space.parameters.begin(), space.parameters.end(),
                                 [&](const Parameter& p) { return p.name == condition.parent; });
      if (parent == space.parameters.end()) {
        parent = space.parameters.insert(parent, {condition.parent, CategoricalDomain(), {}});
      }
      auto& choices = std::get<CategoricalDomain>(parent->domain).choices;
      for (const ParameterValue& value : condition.values) {
        if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
          choices.push_back(value);
        }
      }
    }
  }
  space.parameters.insert(space.parameters.end(), stage.parameters.begin(), stage.parameters.end());
  return space;
}

Configuration DrawnPart(const SearchSpace& space, const Configuration& configuration) {
  Configuration drawn;
  for (const Parameter& parameter : space.parameters) {
    const auto value = configuration.find(parameter.name);
    if (value != configuration.end() && IsActive(parameter, drawn)) drawn.insert(*value);
  }
  return drawn;
}

Configuration TakeOver(const StudySpec& spec, int stage, const Configuration& source,
                       const Configuration& own) {
  Configuration result = own;
  result.insert(source.begin(), source.end());
  if (stage > 1 && !own.contains(kEpochsParameter)) result.erase(kEpochsParameter);
  // What goes may have been another one's condition: until nothing goes any more.
  const auto is_orphan = [&](const auto& entry) {
    if (own.contains(entry.first)) return false;
    const Parameter* declared = FindDeclaration(spec, stage, entry.first);
    return declared != nullptr && IsActive(*declared, source) && !IsActive(*declared, result);
  };
  for (;;) {
    const auto orphan = std::find_if(result.begin(), result.end(), is_orphan);
    if (orphan == result.end()) return result;
    result.erase(orphan);
  }
}

Configuration Vary(const StudySpec& spec, int stage, const Configuration& source,
                   const Configuration& drawn) {
  const SearchSpace& space = StageOf(spec, stage).space;
  Configuration own = drawn;
  std::erase_if(own, [&](const auto& entry) { return space.Find(entry.first) == nullptr; });
  return TakeOver(spec, stage, source, own);
}

}  // namespace vizsla
