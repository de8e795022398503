// The tensors of a plan's head, as src/nn/head.h builds it. Pure.
#pragma once

#include <vector>

#include "src/catalog/network_graph.h"
#include "src/catalog/training_plan.h"

namespace vizsla {

// With their names in the state dict ("head.dense1.weight"), in the head's order.
// num_batches_tracked are integers, all else floats.
std::vector<NamedShape> HeadTensors(const TrainingPlan& plan, int classes);

}  // namespace vizsla
