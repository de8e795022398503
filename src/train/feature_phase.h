// The first phase of a trial whose backbone is frozen, whole or below the unfreeze point: the
// output of what is frozen, from the node's cache.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "src/nn/model.h"
#include "src/train/cached_input.h"
#include "src/train/feature_cache.h"
#include "src/train/trainer.h"
#include "src/train/voting_group.h"

namespace vizsla {

// What the trained part reads: some or all floats of the cached rows.
struct TrialFeatures {
  CachedInput input;
  // Null when training draws a fresh view in every epoch, or mixes rows.
  std::shared_ptr<FeatureCache> train;
  std::shared_ptr<FeatureCache> validation;

  // views.size() x input.float_count(), on the CPU.
  torch::Tensor Gather(const FeatureCache& cache, std::span<const PhotoView> views) const;
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
