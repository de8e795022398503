#include "src/search/used_configurations.h"

namespace vizsla {

void UsedConfigurations::Add(const Configuration& configuration) {
  if (Validate(space_, configuration).ok()) keys_.insert(DigestOf(space_, configuration));
}

bool UsedConfigurations::Contains(const Configuration& configuration) const {
  return keys_.contains(DigestOf(space_, configuration));
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
