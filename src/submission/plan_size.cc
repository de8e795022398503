#include "src/submission/plan_size.h"

#include <functional>
#include <numeric>

#include "src/catalog/first_trained_layer.h"
#include "src/catalog/head_tensors.h"

namespace vizsla {
int64_t HeadFloats(const TrainingPlan& plan, int classes) {
  int64_t floats = 0;
  for (const NamedShape& tensor : HeadTensors(plan, classes)) {
    if (tensor.shape.empty()) continue;  // a counter
    floats +=
        std::accumulate(tensor.shape.begin(), tensor.shape.end(), int64_t{1}, std::multiplies<>());
  }
  return floats;
}

int64_t TrainedFloats(const TrainingPlan& plan, int classes) {
  return HeadFloats(plan, classes) + GraphOf(plan)->TensorElements(FirstTrainedLayer(plan));
}

double TrainedShareOfBackbone(const TrainingPlan& plan) {
  const auto graph = GraphOf(plan);
  const double all = static_cast<double>(graph->MultiplyAdds(plan.image_size));
  if (all == 0) return 0;
  return static_cast<double>(graph->MultiplyAdds(plan.image_size, FirstTrainedLayer(plan))) / all;
}

}  // namespace vizsla
