// Where a pruner stops trials. Pure.
#pragma once

#include <vector>

#include "src/study/pruner_options.h"

namespace vizsla {

// The epochs below max_epochs at which the pruner compares all trials that get there, ascending:
// those of successive halving, Hyperband and ASHA. Empty for the others.
std::vector<int> RungsOf(const PrunerSpec& spec, int max_epochs);

}  // namespace vizsla
