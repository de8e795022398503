#include "src/train/cached_input.h"

#include <utility>
#include <vector>

namespace vizsla {

std::optional<CachedInput> CachedInput::For(const TrainingPlan& plan) {
  std::optional<CachedRows> rows = CachedRowsOf(plan);
  if (!rows) return std::nullopt;
  CachedInput input;
  input.rows_ = *std::move(rows);
  return input;
}

torch::Tensor CachedInput::Rows(Model& model, const torch::Tensor& images) const {
  const torch::NoGradGuard no_gradients;
  switch (rows_.kind) {
    case CachedRows::Kind::kPooled: {
      const torch::Tensor map = model.FeatureMap(images);
      return torch::cat({PoolMap(map, Pooling::kAverage), PoolMap(map, Pooling::kMax)}, 1);
    }
    case CachedRows::Kind::kMap:
      return PoolMap(model.FeatureMap(images), Pooling::kFlatten);
    case CachedRows::Kind::kCut:
      break;
  }
  std::vector<torch::Tensor> parts;
  for (const torch::Tensor& map : model.FrozenPart(images)) {
    parts.push_back(PoolMap(map, Pooling::kFlatten));
  }
  return torch::cat(parts, 1);
}

torch::Tensor CachedInput::Logits(Model& model, const torch::Tensor& rows) const {
  if (rows_.kind != CachedRows::Kind::kCut) return model.RunHead(rows);
  std::vector<torch::Tensor> maps;
  int64_t first = 0;
  for (const CachedRows::MapShape& shape : rows_.crossing) {
    // Channels last, as FrozenPart gives them.
    maps.push_back(rows.narrow(1, first, shape.floats())
                       .reshape({rows.size(0), shape.rows, shape.columns, shape.channels})
                       .permute({0, 3, 1, 2})
                       .contiguous(torch::MemoryFormat::ChannelsLast));
    first += shape.floats();
  }
  return model.TrainedPart(maps);
}

}  // namespace vizsla
