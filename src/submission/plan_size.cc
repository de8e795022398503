#include "src/submission/plan_size.h"

#include "src/catalog/backbones.h"

namespace vizsla {
namespace {

constexpr int64_t kNormFloats = 4;  // scale, shift, mean, variance of each channel

// The first of the graph's layers that trains.
int FirstTrained(const TrainingPlan& plan) {
  if (IsScratchNetwork(plan.network)) return 0;
  return (*FindBackbone(plan.network))->FindCut(plan.unfreeze).value_or(0);
}

}  // namespace

int64_t CachedFloats(const TrainingPlan& plan) {
  return plan.pooling == Pooling::kFlatten ? PooledFeatureCount(plan) : 2 * FeatureChannels(plan);
}

int64_t HeadFloats(const TrainingPlan& plan, int classes) {
  int64_t width = PooledFeatureCount(plan);
  int64_t floats = 0;
  if (plan.batch_norm && plan.norm_place == NormPlace::kInput) floats += kNormFloats * width;
  for (const int64_t size : plan.dense) {
    floats += (width + 1) * size;
    width = size;
    if (plan.batch_norm && plan.norm_place == NormPlace::kEvery) floats += kNormFloats * width;
  }
  if (plan.batch_norm && plan.norm_place == NormPlace::kLast) floats += kNormFloats * width;
  return floats + (width + 1) * classes;
}

int64_t TrainedFloats(const TrainingPlan& plan, int classes) {
  return HeadFloats(plan, classes) + GraphOf(plan)->TensorElements(FirstTrained(plan));
}

double TrainedShareOfBackbone(const TrainingPlan& plan) {
  const auto graph = GraphOf(plan);
  const double all = static_cast<double>(graph->MultiplyAdds(plan.image_size));
  if (all == 0) return 0;
  return static_cast<double>(graph->MultiplyAdds(plan.image_size, FirstTrained(plan))) / all;
}

}  // namespace vizsla
