// Sizes of one plan's network and caches, computed from its description. Pure.
#pragma once

#include <cstdint>

#include "src/catalog/training_plan.h"

namespace vizsla {

// Floats that a frozen backbone's cache keeps for one photo in one view: average and maximum of
// each channel, whichever the trial uses; or the whole map for `flatten`.
int64_t CachedFloats(const TrainingPlan& plan);

// Parameters of the head (batch norm counts its statistics too).
int64_t HeadFloats(const TrainingPlan& plan, int classes);

// All that training changes and a checkpoint must hold: the head and what is unfrozen.
int64_t TrainedFloats(const TrainingPlan& plan, int classes);

// The part of the backbone's multiply-adds that is done in trained layers, 0 to 1.
double TrainedShareOfBackbone(const TrainingPlan& plan);

}  // namespace vizsla
