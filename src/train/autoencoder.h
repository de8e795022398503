// Autoencoder pre-training: a scratch network's convolutions (the encoder) and a decoder learn to
// reproduce photos; the encoder then starts the classifier. A convolutional autoencoder as in
// Masci, Meier, Ciresan, Schmidhuber, "Stacked convolutional auto-encoders for hierarchical feature
// extraction" (ICANN 2011), trained as a whole rather than layer by layer.
#pragma once

#include <optional>

#include "src/nn/model.h"
#include "src/train/streams.h"
#include "src/train/trainer.h"
#include "src/train/voting_group.h"

namespace vizsla {

// Trains model.body() and a ScratchDecoderGraph, which is then dropped, for plan.pretrain_epochs
// epochs over data.train and data.unlabelled (never validation or test photos), in batches of
// plan.batch_size over all ranks, by Adam at plan.optimizer.learning_rate, without augmentation.
// The loss is the mean squared error of the preprocessed pixels; where the decoder's output is
// smaller, because pools dropped rows, the photo's top left part counts.
//
// Nothing pins the unlabelled photos, so the ranks first compare theirs, and the train photos:
// FailedPrecondition on every rank when they are not the same.
//
// Blocks. Returns the loss's mean over the last epoch, which is the same on all ranks; nullopt when
// the leader was told to stop (see VotingGroup::agreed()): the model is then half trained, and the
// next attempt starts again. The leader reports progress as epoch 0. LibTorch's exceptions travel
// through.
absl::StatusOr<std::optional<double>> PretrainEncoder(const TrainingPlan& plan,
                                                      const TrainingData& data,
                                                      const TrialStreams& streams,
                                                      torch::Device device, Model& model,
                                                      VotingGroup& group, TrialHooks& hooks,
                                                      GradientType gradient_type = {});

}  // namespace vizsla
