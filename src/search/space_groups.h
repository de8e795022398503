// The parts of a conditional space that are always active together, which a joint model can
// describe: the group decomposition of Optuna's TPE ("group"), taken from the conditions themselves
// instead of from the trials seen so far. Pure.
#pragma once

#include <vector>

#include "src/study/search_space.h"

namespace vizsla {

// Indices of the parameters, ascending, that are active in exactly the same configurations; as many
// as there are. Groups stand in the order of their first members, so that the parents of a group's
// parameters belong to groups before it.
using SpaceGroup = std::vector<int>;

// `space` must be valid. Every parameter belongs to one group.
std::vector<SpaceGroup> DecomposeSpace(const SearchSpace& space);

}  // namespace vizsla
