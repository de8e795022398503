#include "src/catalog/cached_rows.h"

#include "src/catalog/first_trained_layer.h"

namespace vizsla {
namespace {

CachedRows OfFrozenBackbone(const TrainingPlan& plan) {
  CachedRows rows;
  const bool flattened = plan.pooling == Pooling::kFlatten;
  rows.kind = flattened ? CachedRows::Kind::kMap : CachedRows::Kind::kPooled;
  rows.content = flattened ? "map" : "pooled";
  rows.float_count = static_cast<size_t>(PooledFeatureCount(plan));
  rows.row_floats = flattened ? rows.float_count : 2 * rows.float_count;
  rows.first_float = plan.pooling == Pooling::kMax ? rows.float_count : 0;
  return rows;
}

CachedRows OfFrozenPrefix(const TrainingPlan& plan) {
  const auto graph = GraphOf(plan);
  const int cut = FirstTrainedLayer(plan);
  const std::vector<Extent> extents = graph->OutputExtents(plan.image_size);
  CachedRows rows;
  rows.kind = CachedRows::Kind::kCut;
  rows.content = "before-" + graph->layers[static_cast<size_t>(cut)].name;
  for (const int layer : graph->LayersCrossing(cut)) {
    const Extent& extent = extents[static_cast<size_t>(layer)];
    rows.crossing.push_back(
        {graph->layers[static_cast<size_t>(layer)].channels, extent.rows, extent.columns});
    rows.float_count += static_cast<size_t>(rows.crossing.back().floats());
  }
  rows.row_floats = rows.float_count;
  return rows;
}

}  // namespace

std::optional<CachedRows> CachedRowsOf(const TrainingPlan& plan) {
  std::optional<CachedRows> rows;
  if (BackboneIsFrozen(plan)) {
    rows = OfFrozenBackbone(plan);
  } else if (FrozenPrefixIsShareable(plan)) {
    rows = OfFrozenPrefix(plan);
  }
  if (rows && plan.precision != Precision::kFloat32) {
    rows->content += "-" + std::string(ToText(plan.precision));
  }
  return rows;
}

bool TrainRowsAreShared(const TrainingPlan& plan) {
  return FeaturesAreShareable(plan) || FrozenPrefixIsShareable(plan);
}

uint64_t LargestCacheBytes(const CachedRows& rows, const TrainingPlan& plan, uint64_t train_photos,
                           uint64_t validation_photos) {
  constexpr uint64_t kExact = ViewSet::kMostExact;
  const std::optional<ViewSet> views = TrainViews(plan);
  const bool keeps_drawn = TrainRowsAreShared(plan) && !views->is_exact();
  const uint64_t train_views = keeps_drawn ? static_cast<uint64_t>(views->count()) : kExact;
  return (train_photos * train_views + validation_photos * kExact) * rows.row_floats *
         sizeof(float);
}

}  // namespace vizsla
