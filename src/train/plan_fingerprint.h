// Names what a plan trains.
#pragma once

#include <string>

#include "src/catalog/training_plan.h"

namespace vizsla {

// SHA-256 of everything in the plan that changes the weights or the metrics of an epoch: a
// checkpoint resumes only under the plan that it was made under. Not of what only decides when to
// stop: early stopping, and the number of epochs: when the budget of a waiting trial is raised, its
// cosine goes on along the longer course. Plans that existed before a field was added keep their
// fingerprint.
std::string PlanFingerprint(const TrainingPlan& plan);

}  // namespace vizsla
