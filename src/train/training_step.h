// One step of training: this rank's rows forward and backward, the group's gradients, the update.
#pragma once

#include <torch/torch.h>

#include <optional>

#include "src/nn/model.h"
#include "src/train/cached_input.h"
#include "src/train/epoch_batches.h"
#include "src/train/gradient_reducer.h"
#include "src/train/head_step.h"
#include "src/train/loss.h"
#include "src/train/step_sums.h"
#include "src/train/tally.h"
#include "src/train/trainer.h"
#include "src/train/voting_group.h"
#include "src/train/weight_update.h"

namespace vizsla {

// The forward pass computes in the plan's precision (src/nn/autocast.h), the loss in float32.
// What is trained is the mean over the global batch of TrainingLoss, plus the head's penalties.
// Whatever the number of ranks, the gradients are those of one. A trial's first step in float16
// repeats its backward pass until the loss scale fits: no batch is lost to finding it, and a
// schedule that begins with a warm-up begins with steps that are taken. Later overflows skip their
// step, as in PyTorch. Everything given outlives this object. LibTorch's exceptions travel through.
class TrainingStep {
 public:
  // The update starts from the model's weights as they are now. `fuse_head`: steps on cached rows
  // are HeadStep's, where that fits: the same up to rounding.
  TrainingStep(const TrainingPlan& plan, const TrainingData& data, Model& model, VotingGroup& group,
               torch::Device device, bool fuse_head = false);

  // `input`: images, or rows of `cached` when that is not null. Adds this rank's rows
  // to `tally`: the loss without penalties; a row is right when its own label has the largest
  // logit, also when it is mixed. On a GPU the loss and the right ones come into it by CollectInto
  // at the latest. A vote, which also fetches the leader's directive in a group.
  absl::Status Run(const StepRows& rows, const torch::Tensor& input, const CachedInput* cached,
                   const StreamKey& dropout, double learning_rate_factor, Tally& tally);

  // What a GPU holds back of the sums. To be called before `tally` is read; waits for the GPU.
  void CollectInto(Tally& tally) { sums_.CollectInto(tally); }

  WeightUpdate& update() { return update_; }

 private:
  absl::Status RunFused(const StepRows& rows, const torch::Tensor& input, const StreamKey& dropout,
                        double learning_rate_factor, Tally& tally);
  // Backward, the group's sum, the update.
  absl::Status TakeStep(const torch::Tensor& trained, double learning_rate_factor);

  const TrainingPlan& plan_;
  const TrainingData& data_;
  Model& model_;
  VotingGroup& group_;
  const torch::Device device_;
  TrainingLoss loss_;
  GradientReducer reducer_;
  WeightUpdate update_;
  std::optional<HeadStep> head_step_;
  StepSums sums_;
};

}  // namespace vizsla
