// Sizes of one plan's network, computed from its description. Pure.
#pragma once

#include <cstdint>

#include "src/catalog/training_plan.h"

namespace vizsla {

// Parameters of the head (batch norm counts its statistics too).
int64_t HeadFloats(const TrainingPlan& plan, int classes);

// All that training changes and a checkpoint must hold: the head and what is unfrozen.
int64_t TrainedFloats(const TrainingPlan& plan, int classes);

// The part of the backbone's multiply-adds that is done in trained layers, 0 to 1.
double TrainedShareOfBackbone(const TrainingPlan& plan);

}  // namespace vizsla
