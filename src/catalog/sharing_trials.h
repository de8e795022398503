// How many trials are still to come that could read the features of this one. Pure; an estimate,
// on which nothing but the time of a trial depends.
#pragma once

#include "src/catalog/training_plan.h"
#include "src/study/study.h"
#include "src/study/trial.h"

namespace vizsla {

// This trial included, so at least 1: what the study's stages up to this one have planned beyond
// it, spread evenly over the values of the parameters that decide what is frozen and, when its plan
// draws views, of those that say from what. Of a range without steps no two
// configurations have the same value, but the repeats of one have. A study without an end is
// expected to go on for as long again as it has. `plan` is the trial's.
double ExpectedSharingTrials(const StudySpec& spec, const Trial& trial, const TrainingPlan& plan);

}  // namespace vizsla
