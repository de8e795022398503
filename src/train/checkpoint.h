// The two checkpoints of a trial, as .safetensors bytes.
//
//   best   what training changed, of the epoch that gives the score, with the averaged weights when
//          there are any: `vizsla pull` completes it with the frozen weights, whose hash it names.
//   last   the same with the weights as they are, plus the state of their update and the place in
//          the training: enough to go on as if nothing had happened. It may lie in the middle of an
//          epoch.
//
// Tensors have the names of the state dict (src/nn/model.h); those of the update start with
// "optimizer." and "average.". docs/training.md describes the metadata.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "src/base/status.h"
#include "src/nn/model.h"
#include "src/train/tally.h"
#include "src/train/weight_update.h"
#include "src/weights/safetensors.h"

namespace vizsla {

// What a checkpoint belongs to.
struct CheckpointIdentity {
  std::string plan;  // PlanFingerprint
  std::string network;
  // False when what is frozen is in the weights' file of weights_hash; a checkpoint then leaves it
  // out.
  bool holds_everything = false;
  std::string weights_hash;
  std::string init_checkpoint;  // SHA-256 of the warm start's checkpoint, or empty
  int class_count = 0;
  std::string padding;
  // Of the random streams; a resumed trial must draw the same numbers.
  uint64_t study_seed = 0;
  int64_t trial_number = 0;
};

// Between two steps. `epochs` are finished; `step` steps of the next one are done.
struct TrainingPosition {
  int epochs = 0;
  int64_t step = 0;
  int64_t global_step = 0;              // steps done in all epochs
  Tally train;                          // of the unfinished epoch, over all ranks
  std::optional<double> pretrain_loss;  // of the autoencoder that gave the initial weights
};

// What is stored of the model: TrainedState(), or everything.
std::string SerializeBest(const Model& model, const CheckpointIdentity& identity, int epoch);
std::string SerializeLast(const Model& model, const WeightUpdate& update,
                          const CheckpointIdentity& identity, const TrainingPosition& position);

// Restores model and update; they are unusable after an error. FailedPrecondition: it is a
// checkpoint of another trial, plan or weights, or of a later version; DataLoss or InvalidArgument:
// it is damaged.
absl::StatusOr<TrainingPosition> RestoreLast(std::string_view bytes,
                                             const CheckpointIdentity& identity, Model& model,
                                             WeightUpdate& update);

// The contents of a checkpoint of this kind ("best", "last"); views into `bytes`. Errors as above,
// prefixed by `place`.
absl::StatusOr<SafetensorsContents> ParseCheckpoint(std::string_view bytes, std::string_view kind,
                                                    std::string_view place);

}  // namespace vizsla
