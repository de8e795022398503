// The first phase of a trial whose backbone is frozen, whole or below the unfreeze point: the
// output of what is frozen, from the node's cache.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "src/nn/model.h"
#include "src/train/cached_input.h"
#include "src/train/device_rows.h"
#include "src/train/feature_cache.h"
#include "src/train/trainer.h"
#include "src/train/voting_group.h"

namespace vizsla {

// Rows of one source's photos, for one trial on one device.
class FeatureRows {
 public:
  // `cache` holds the rows of the first `view_count` views.
  FeatureRows(std::shared_ptr<FeatureCache> cache, int view_count, const CachedInput& input,
              const torch::Device& device);

  // views.size() x the trial's part of a row, on the device. LibTorch's exceptions travel through.
  torch::Tensor Gather(std::span<const PhotoView> views) const;

 private:
  std::shared_ptr<FeatureCache> cache_;
  size_t first_float_, float_count_;
  torch::Device device_;
  std::shared_ptr<const DeviceRows> on_device_;  // null: they are read from the cache
};

// What the trained part reads: some or all floats of the cached rows.
struct TrialFeatures {
  CachedInput input;
  // Nullopt when training draws a fresh view in every epoch, or mixes rows.
  std::optional<FeatureRows> train;
  FeatureRows validation;
};

// Whether the plan's rows can be kept, and of these photos are not larger than the options allow.
bool RowsFit(const TrainingPlan& plan, const TrainingData& data, const TrainerOptions& options);

// Fills what is missing of the views that the plan draws, together with the other ranks and with
// whoever else works on this node, and blocks until all of it is there. `frozen_weights` names the
// weights of the model's backbone: features of others are never mixed with theirs. Nullopt: the
// plan cannot use a cache, storing would take longer than computing (feature_costs.h, measured by
// the leader with the first shard; one line of log says the numbers; of drawn views behind a whole
// backbone then, or when they do not fit, the validation rows alone are kept), not RowsFit, the
// options forbid it, there is no room or it could not be written (one warning; the trial computes
// features batch by batch, with the same results), or the leader was told to stop (see
// VotingGroup::agreed()). All ranks return the same. LibTorch's exceptions travel through.
absl::StatusOr<std::optional<TrialFeatures>> PrepareFeatures(
    const TrialAssignment& assignment, const TrainingData& data, const TrainerOptions& options,
    const std::string& frozen_weights, Model& model, VotingGroup& group, TrialHooks& hooks);

}  // namespace vizsla
