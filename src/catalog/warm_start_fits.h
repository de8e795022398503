// Whether one trial can start from another one's weights, told from their plans: what src/train
// refuses tensor by tensor (StartFrom in warm_start.h), refused before anything is trained. Pure.
#pragma once

#include <span>
#include <string>

#include "src/base/status.h"
#include "src/catalog/training_plan.h"

namespace vizsla {

// OK when the network below the head and all tensors of the head have the same names and shapes.
// Otherwise InvalidArgument "parameter NAME: ...", of a parameter in which the two differ. Both
// plans are of one study: padding, classes and pretrained weights are the same. A checkpoint that
// lacks what the new trial wants frozen (of a frozen backbone, for a trial that begins at random
// weights) is not recognized: what it holds depends on the source's own start.
absl::Status WarmStartFits(const TrainingPlan& source, const TrainingPlan& plan);

// The names of the parameters that decide it.
std::span<const std::string> WarmStartParameters();

}  // namespace vizsla
