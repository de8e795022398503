// The two checkpoints of a trial, as .safetensors bytes.
//
//   best   what training changed, of the epoch that gives the score: `vizsla pull` completes it
//   with the
//          frozen weights, whose hash it names.
//   last   the same plus the optimizer's state and the place in the training: enough to go on as if
//          nothing had happened. It may lie in the middle of an epoch.
//
// Tensors have the names of the state dict (src/nn/model.h), the optimizer's start with
// "optimizer.". docs/training.md describes the metadata.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "src/base/status.h"
#include "src/catalog/training_plan.h"
#include "src/nn/model.h"
#include "src/train/adam.h"
#include "src/train/tally.h"

namespace vizsla {

// What a checkpoint belongs to.
struct CheckpointIdentity {
  std::string plan;  // PlanFingerprint
  // What is frozen is in the weights' file of this hash; otherwise a checkpoint holds everything.
  bool pretrained = true;
  std::string weights_hash;
  int class_count = 0;
  std::string padding;
  // Of the random streams; a resumed trial must draw the same numbers.
  uint64_t study_seed = 0;
  int64_t trial_number = 0;
};

// SHA-256 of everything in the plan that changes the training, so of all but the number of epochs.
std::string PlanFingerprint(const TrainingPlan& plan);

// Between two steps. `epochs` are finished; `step` steps of the next one are done.
struct TrainingPosition {
  int epochs = 0;
  int64_t step = 0;
  int64_t global_step = 0;  // steps done in all epochs
  Tally train;              // of the unfinished epoch, over all ranks
};

// What is stored of the model: TrainedState(), or everything when it did not start from a file.
std::string SerializeBest(const Model& model, const CheckpointIdentity& identity, int epoch);
std::string SerializeLast(const Model& model, const Adam& adam, const CheckpointIdentity& identity,
                          const TrainingPosition& position);

// Restores model and optimizer; they are unusable after an error. FailedPrecondition: it is a
// checkpoint of another trial, plan or weights, or of a later version; DataLoss or InvalidArgument:
// it is damaged.
absl::StatusOr<TrainingPosition> RestoreLast(std::string_view bytes,
                                             const CheckpointIdentity& identity, Model& model,
                                             Adam& adam);

}  // namespace vizsla
