#include "src/spec/parse_population.h"

#include <algorithm>

#include "src/catalog/changes_in_training.h"
#include "src/study/conditions.h"

namespace vizsla::spec {
namespace {

// Why a copy cannot change the parameter; empty when it can.
std::string Objection(const SearchSpace& space, const std::string& name) {
  const Parameter* parameter = space.Find(name);
  if (parameter == nullptr) return "is no parameter of the study";
  if (!MayChangeInTraining(name)) return "cannot change in the middle of training";
  if (CountValues(parameter->domain) == 1) return "has a fixed value";
  if (HasDependants(space, name)) return "cannot change: other parameters depend on it";
  return "";
}

bool Has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<std::string> AllThatMayChange(const SearchSpace& space) {
  std::vector<std::string> names;
  for (const Parameter& parameter : space.parameters) {
    if (Objection(space, parameter.name).empty()) names.push_back(parameter.name);
  }
  return names;
}

}  // namespace

absl::Status CompletePopulation(const Reader& reader, const Mapping& root, const SearchSpace& space,
                                const SearchSpace* inherited, const Budget& budget,
                                PrunerSpec& pruner) {
  auto* options = std::get_if<PopulationOptions>(&pruner);
  if (options == nullptr) return absl::OkStatus();
  const Field* field = root.Find("pruner");
  const Field& place = field != nullptr ? *field : root.self();
  if (inherited != nullptr) {
    std::erase_if(options->perturb, [&](const auto& name) { return space.Find(name) == nullptr; });
    for (const std::string& name : AllThatMayChange(space)) {
      const bool is_new = inherited->Find(name) == nullptr && !Has(options->perturb, name);
      if (is_new) options->perturb.push_back(name);
    }
  } else if (options->perturb.empty()) {
    options->perturb = AllThatMayChange(space);
  }
  for (const std::string& name : options->perturb) {
    const std::string objection = Objection(space, name);
    if (!objection.empty()) return reader.Error(place, StrCat("perturb: ", name, " ", objection));
  }
  if (options->perturb.empty()) {
    return reader.Error(place,
                        "a population needs a parameter that may change in training, such as "
                        "learning_rate: none varies here");
  }
  const double replaced = static_cast<double>(budget.trials) * options->quantile;
  if (budget.trials > 0 && replaced < 1) {
    return reader.Error(place, StrCat("quantile: ", options->quantile, " of the ", budget.trials,
                                      " trials is less than one: none would ever be replaced"));
  }
  return absl::OkStatus();
}

}  // namespace vizsla::spec
