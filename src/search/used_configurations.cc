#include "src/search/used_configurations.h"

#include <charconv>
#include <string>

#include "src/base/sha256.h"

namespace vizsla {

UsedConfigurations::Key UsedConfigurations::KeyOf(const Configuration& configuration) const {
  // A user's 0.30000000001 is the grid's 0.3.
  Configuration canonical = configuration;
  for (auto& [name, value] : canonical) {
    const Parameter* parameter = space_.Find(name);
    if (parameter == nullptr || !CountValues(parameter->domain)) continue;
    value = ValueAt(parameter->domain, IndexOf(parameter->domain, value));
  }
  const std::string digest = Sha256Hex(ToJsonText(canonical));
  Key key;
  for (size_t half = 0; half < key.size(); ++half) {
    std::from_chars(digest.data() + 16 * half, digest.data() + 16 * (half + 1), key[half], 16);
  }
  return key;
}

void UsedConfigurations::Add(const Configuration& configuration) {
  if (Validate(space_, configuration).ok()) keys_.insert(KeyOf(configuration));
}

bool UsedConfigurations::Contains(const Configuration& configuration) const {
  return keys_.contains(KeyOf(configuration));
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
