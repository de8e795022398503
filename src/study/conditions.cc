#include "src/study/conditions.h"

#include <algorithm>

namespace vizsla {

bool HasDependants(const SearchSpace& space, std::string_view name) {
  return std::any_of(space.parameters.begin(), space.parameters.end(), [&](const Parameter& other) {
    return std::any_of(other.conditions.begin(), other.conditions.end(),
                       [&](const Condition& condition) { return condition.parent == name; });
  });
}

}  // namespace vizsla
