// What hangs on a parameter's value. Pure.
#pragma once

#include <string_view>

#include "src/study/search_space.h"

namespace vizsla {

// Whether a condition of another parameter of the space names this one.
bool HasDependants(const SearchSpace& space, std::string_view name);

}  // namespace vizsla
