#include "src/catalog/network_cost.h"

#include "src/catalog/head_tensors.h"

namespace vizsla {
namespace {

int64_t ElementsOf(const NamedShape& tensor) {
  int64_t elements = 1;
  for (const int64_t extent : tensor.shape) elements *= extent;
  return elements;
}

void AddTensors(const std::vector<NamedShape>& tensors, NetworkCost& cost) {
  constexpr int64_t kFloatBytes = 4;
  constexpr int64_t kIntegerBytes = 8;
  for (const NamedShape& tensor : tensors) {
    const int64_t elements = ElementsOf(tensor);
    const bool integers = tensor.name.ends_with("num_batches_tracked");
    cost.model_bytes += elements * (integers ? kIntegerBytes : kFloatBytes);
    const bool statistics =
        tensor.name.ends_with("running_mean") || tensor.name.ends_with("running_var") || integers;
    if (!statistics) cost.parameters += elements;
  }
}

}  // namespace

NetworkCost CostOf(const TrainingPlan& plan, int classes) {
  NetworkCost cost;
  const auto graph = GraphOf(plan);
  AddTensors(graph->Tensors(), cost);
  const std::vector<NamedShape> head = HeadTensors(plan, classes);
  AddTensors(head, cost);
  cost.multiply_adds = graph->MultiplyAdds(plan.image_size);
  for (const NamedShape& tensor : head) {
    if (tensor.shape.size() == 2) cost.multiply_adds += ElementsOf(tensor);
  }
  if (plan.test_time_flip) cost.multiply_adds *= 2;
  return cost;
}

}  // namespace vizsla
