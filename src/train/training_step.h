// One step of training: this rank's rows forward and backward, the group's gradients, the update.
#pragma once

#include <torch/torch.h>

#include <functional>
#include <optional>
#include <vector>

#include "src/nn/model.h"
#include "src/train/batch_statistics.h"
#include "src/train/cached_input.h"
#include "src/train/epoch_batches.h"
#include "src/train/gradient_reducer.h"
#include "src/train/head_step.h"
#include "src/train/loss.h"
#include "src/train/micro_batches.h"
#include "src/train/recorded_step.h"
#include "src/train/step_sums.h"
#include "src/train/tally.h"
#include "src/train/trainer.h"
#include "src/train/voting_group.h"
#include "src/train/weight_update.h"

namespace vizsla {

struct TrainingStepOptions {
  MemoryPolicy memory = {};
  ReducerOptions reducer = {};
  // Steps on cached rows are HeadStep's, where that fits: the same up to rounding.
  bool fuse_head = true;
  // Passes of one rank on a GPU are recorded where they can be: see recorded_step.h.
  bool record = true;
};

// The forward pass computes in the plan's precision (src/nn/autocast.h), the loss in float32.
// What is trained is the mean over the global batch of TrainingLoss, plus the head's penalties.
// Whatever the number of ranks, the gradients are those of one. A trial's first step in float16
// repeats its passes until the loss scale fits: no batch is lost to finding it, and a schedule that
// begins with a warm-up begins with steps that are taken. Later overflows skip their step, as in
// PyTorch.
//
// A step that runs out of memory before the ranks have voted on its gradients is undone and, if the
// policy says so, repeated by all ranks with half as many rows at once (micro_batches.h), which
// stays so; until a rank computes one row at once. HeadStep's steps are never divided: a head's
// batch is small. Memory that the update itself lacks (the optimizer's state, at the first step) is
// not a matter of rows, and fails. What other memory a rank holds, and when, is its own: a trial
// that goes on is the same whichever rank ran out. Everything given outlives this object.
// LibTorch's exceptions become statuses (foreign_errors.h).
class TrainingStep {
 public:
  // The update starts from the model's weights as they are now.
  TrainingStep(const TrainingPlan& plan, const TrainingData& data, Model& model, VotingGroup& group,
               torch::Device device, TrainingStepOptions options = {});

  // `input`: images, or rows of `cached` when that is not null. Adds this rank's rows
  // to `tally`: the loss without penalties; a row is right when its own label has the largest
  // logit, also when it is mixed. On a GPU the loss and the right ones come into it by CollectInto
  // at the latest. A vote, which also fetches the leader's directive in a group.
  absl::Status Run(const StepRows& rows, const torch::Tensor& input, const CachedInput* cached,
                   const StreamKey& dropout, double learning_rate_factor, Tally& tally);

  // What a GPU holds back of the sums. To be called before `tally` is read; waits for the GPU.
  void CollectInto(Tally& tally) { sums_.CollectInto(tally); }

  WeightUpdate& update() { return update_; }
  const GradientReducer& reducer() const { return reducer_; }
  // Rows that a rank computes at once; 0: all of its share.
  int64_t rows_at_once() const { return micro_batches_.rows_at_once(); }
  // How many steps were replays of a recording.
  int64_t recorded_steps() const { return recorded_steps_; }

 private:
  absl::Status RunFused(const StepRows& rows, const torch::Tensor& input, const StreamKey& dropout,
                        double learning_rate_factor, Tally& tally);
  // Whether the step is one that a recording can stand for.
  bool MayBeRecorded(const StepRows& rows) const;
  // False: nothing has been done.
  bool RunRecorded(const StepRows& rows, const torch::Tensor& input, const CachedInput* cached,
                   const StreamKey& dropout, double learning_rate_factor, Tally& tally);
  struct Input {
    const StepRows& rows;
    const torch::Tensor& tensor;
    const CachedInput* cached;
    const StreamKey& dropout;
  };
  // What a part of the rows gave.
  struct Output {
    torch::Tensor loss, logits;  // detached
    torch::Tensor labels;
  };

  // Passes, the group's sum, the update.
  absl::Status TakeStep(const Input& input, double learning_rate_factor,
                        std::vector<Output>& outputs);
  // Adds the gradients of some of the rows, which are numbered from 0.
  Output Pass(const Input& input, RowRange rows, bool is_last);
  // The loss of rows and its logits; `before_backward` is called between the passes.
  Output ForwardAndBackward(const torch::Tensor& rows, const CachedInput* cached,
                            const LossTargets& targets, int64_t global_count, bool with_penalty,
                            const std::function<void()>& before_backward);
  // After a failure: whether all ranks may repeat the step, without recordings or with fewer rows
  // at once.
  bool MayRepeat(const absl::Status& failure, int64_t global_count);
  // What the failed passes have changed.
  void Undo();

  const TrainingPlan& plan_;
  const TrainingData& data_;
  Model& model_;
  VotingGroup& group_;
  const torch::Device device_;
  TrainingLoss loss_;
  const MemoryPolicy memory_;
  MicroBatches micro_batches_;
  BatchStatistics statistics_;
  bool undoable_ = true;  // the ranks have not yet voted on the gradients of this step
  GradientReducer reducer_;
  WeightUpdate update_;
  std::optional<HeadStep> head_step_;
  std::optional<RecordedStep> recorded_;
  int64_t recorded_steps_ = 0;
  StepSums sums_;
};

}  // namespace vizsla
