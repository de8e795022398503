// The validation at the end of an epoch.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <functional>

#include "src/nn/model.h"
#include "src/train/feature_phase.h"
#include "src/train/tally.h"
#include "src/train/trainer.h"
#include "src/train/voting_group.h"

namespace vizsla {

// Over all validation photos, divided among the ranks, never augmented, in inference mode; with
// plan.test_time_flip a photo's prediction is the mean of its own and its mirror image's
// (test_time_flip.h). Everything given outlives this object. LibTorch's exceptions travel through.
class Validation {
 public:
  // `features`: of the validation photos, or null.
  Validation(const TrainingPlan& plan, const TrainingData& data, const TrialFeatures* features,
             Model& model, VotingGroup& group, torch::Device device);

  // The same on every rank: each round has a vote.
  int64_t rounds() const;
  // The sums over all ranks. `progress` gets the rounds done. Left early, with sums that mean
  // nothing, when the leader's directive is kCancel.
  absl::StatusOr<Tally> Run(const std::function<void(int64_t)>& progress);

 private:
  int64_t photos() const { return static_cast<int64_t>(data_.validation->photo_count()); }
  int64_t photos_a_round() const;

  const TrainingPlan& plan_;
  const TrainingData& data_;
  const TrialFeatures* features_;
  Model& model_;
  VotingGroup& group_;
  torch::Device device_;
};

}  // namespace vizsla
