#include "src/train/cached_input.h"

#include "src/catalog/backbones.h"

namespace vizsla {

std::optional<CachedInput> CachedInput::For(const TrainingPlan& plan) {
  CachedInput input;
  if (BackboneIsFrozen(plan)) {
    const bool flattened = plan.pooling == Pooling::kFlatten;
    input.kind_ = flattened ? Kind::kMap : Kind::kPooled;
    input.content_ = flattened ? "map" : "pooled";
    input.float_count_ = static_cast<size_t>(PooledFeatureCount(plan));
    input.row_floats_ = flattened ? input.float_count_ : 2 * input.float_count_;
    input.first_float_ = plan.pooling == Pooling::kMax ? input.float_count_ : 0;
    return input;
  }
  if (!FrozenPrefixIsShareable(plan)) return std::nullopt;
  const auto graph = GraphOf(plan);
  const int cut = *(*FindBackbone(plan.network))->FindCut(plan.unfreeze);
  const std::vector<Extent> extents = graph->OutputExtents(plan.image_size);
  input.kind_ = Kind::kCut;
  input.content_ = "before-" + graph->layers[static_cast<size_t>(cut)].name;
  for (const int layer : graph->LayersCrossing(cut)) {
    const Extent& extent = extents[static_cast<size_t>(layer)];
    input.crossing_.push_back(
        {graph->layers[static_cast<size_t>(layer)].channels, extent.rows, extent.columns});
    input.float_count_ += static_cast<size_t>(input.crossing_.back().floats());
  }
  input.row_floats_ = input.float_count_;
  return input;
}

torch::Tensor CachedInput::Rows(Model& model, const torch::Tensor& images) const {
  const torch::NoGradGuard no_gradients;
  switch (kind_) {
    case Kind::kPooled: {
      const torch::Tensor map = model.FeatureMap(images);
      return torch::cat({PoolMap(map, Pooling::kAverage), PoolMap(map, Pooling::kMax)}, 1);
    }
    case Kind::kMap:
      return PoolMap(model.FeatureMap(images), Pooling::kFlatten);
    case Kind::kCut:
      break;
  }
  std::vector<torch::Tensor> parts;
  for (const torch::Tensor& map : model.FrozenPart(images)) {
    parts.push_back(PoolMap(map, Pooling::kFlatten));
  }
  return torch::cat(parts, 1);
}

torch::Tensor CachedInput::Logits(Model& model, const torch::Tensor& rows) const {
  if (kind_ != Kind::kCut) return model.RunHead(rows);
  std::vector<torch::Tensor> maps;
  int64_t first = 0;
  for (const MapShape& shape : crossing_) {
    // Channels last, as FrozenPart gives them; memory of its own, for layers may compute in place.
    maps.push_back(rows.narrow(1, first, shape.floats())
                       .reshape({rows.size(0), shape.rows, shape.columns, shape.channels})
                       .permute({0, 3, 1, 2})
                       .contiguous(torch::MemoryFormat::ChannelsLast));
    first += shape.floats();
  }
  return model.TrainedPart(maps);
}

}  // namespace vizsla
