// What a feature cache holds of a photo's view for one trial, and how the trial goes on from there:
// the output of everything that is frozen, computed once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/catalog/training_plan.h"
#include "src/nn/model.h"

namespace vizsla {

class CachedInput {
 public:
  // Nullopt: nothing of the plan's work is the same in every epoch.
  static std::optional<CachedInput> For(const TrainingPlan& plan);

  // Names what a row holds, in the cache's name: rows of the same backbone, weights and photos with
  // the same word are the same.
  const std::string& content() const { return content_; }
  size_t row_floats() const { return row_floats_; }
  // The part of a row that this trial reads.
  size_t first_float() const { return first_float_; }
  size_t float_count() const { return float_count_; }

  // images: N x 3 x S x S. N x row_floats, on the images' device, detached.
  torch::Tensor Rows(Model& model, const torch::Tensor& images) const;
  // rows: N x float_count, what this trial reads of them. N x classes, with the gradients of all
  // that trains: what model.forward(images) gives.
  torch::Tensor Logits(Model& model, const torch::Tensor& rows) const;

 private:
  enum class Kind {
    // Average and maximum of each channel side by side, so that trials of both share one pass.
    kPooled,
    // The last map in the order of PoolMap's flatten.
    kMap,
    // What crosses the unfreeze point, each map in that order, one after another.
    kCut,
  };
  struct MapShape {
    int64_t channels, rows, columns;
    int64_t floats() const { return channels * rows * columns; }
  };

  Kind kind_ = Kind::kPooled;
  std::string content_;
  size_t row_floats_ = 0;
  size_t first_float_ = 0;
  size_t float_count_ = 0;
  std::vector<MapShape> crossing_;  // kCut
};

}  // namespace vizsla
