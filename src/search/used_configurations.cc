#include "src/search/used_configurations.h"

namespace vizsla {
namespace {

// A user's 0.30000000001 is the grid's 0.3.
std::string KeyOf(const SearchSpace& space, const Configuration& configuration) {
  Configuration canonical = configuration;
  for (auto& [name, value] : canonical) {
    const Parameter* parameter = space.Find(name);
    if (parameter == nullptr || !CountValues(parameter->domain)) continue;
    value = ValueAt(parameter->domain, IndexOf(parameter->domain, value));
  }
  return ToJsonText(canonical);
}

}  // namespace

void UsedConfigurations::Add(const Configuration& configuration) {
  if (Validate(space_, configuration).ok()) keys_.insert(KeyOf(space_, configuration));
}

bool UsedConfigurations::Contains(const Configuration& configuration) const {
  return keys_.contains(KeyOf(space_, configuration));
}

Configuration UsedConfigurations::FirstFree(Configuration start) const {
  // At most as many as are used stand before a free one.
  while (Contains(start)) {
    std::optional<Configuration> next = NextConfiguration(space_, start);
    start = next ? *std::move(next) : FirstConfiguration(space_);
  }
  return start;
}

}  // namespace vizsla
