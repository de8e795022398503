// Where a plan's network below its head begins to train.
#pragma once

#include "src/catalog/training_plan.h"

namespace vizsla {

// An index of GraphOf(plan)'s layers; their number when all are frozen. `plan` is one that
// ResolvePlan has made.
int FirstTrainedLayer(const TrainingPlan& plan);

}  // namespace vizsla
