#include "src/catalog/first_trained_layer.h"

#include "src/catalog/backbones.h"

namespace vizsla {

int FirstTrainedLayer(const TrainingPlan& plan) {
  if (IsScratchNetwork(plan.network)) return 0;
  return (*FindBackbone(plan.network))->FindCut(plan.unfreeze).value_or(0);
}

}  // namespace vizsla
