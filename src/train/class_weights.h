// Weights of classes in the loss. Pure.
#pragma once

#include <vector>

#include "src/catalog/training_plan.h"
#include "src/dataset/batch_source.h"

namespace vizsla {

// One weight a class, or none at all when every class weighs 1. Balanced: scikit-learn's
// compute_class_weight("balanced"), n / (k * n_c) for the n_c of n photos that are of class c, k
// classes having photos; a class without photos, whose weight nothing reads, gets 0.
std::vector<float> WeightsOfClasses(ClassWeights kind, const BatchSource& train, int class_count);

}  // namespace vizsla
