// How one trial's rows of a feature cache (src/catalog/cached_rows.h) are computed, and how the
// trial goes on from there.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "src/catalog/cached_rows.h"
#include "src/catalog/training_plan.h"
#include "src/nn/model.h"

namespace vizsla {

class CachedInput {
 public:
  // Nullopt: nothing of the plan's work is the same in every epoch.
  static std::optional<CachedInput> For(const TrainingPlan& plan);

  // Names what a row holds, in the cache's name: rows of the same backbone, weights and photos with
  // the same word are the same.
  const std::string& content() const { return rows_.content; }
  size_t row_floats() const { return rows_.row_floats; }
  // The part of a row that this trial reads.
  size_t first_float() const { return rows_.first_float; }
  size_t float_count() const { return rows_.float_count; }
  const CachedRows& rows() const { return rows_; }

  // images: N x 3 x S x S. N x row_floats, on the images' device, detached.
  torch::Tensor Rows(Model& model, const torch::Tensor& images) const;
  // rows: N x float_count, what this trial reads of them. N x classes, with the gradients of all
  // that trains: what model.forward(images) gives.
  torch::Tensor Logits(Model& model, const torch::Tensor& rows) const;

 private:
  CachedRows rows_;
};

}  // namespace vizsla
