// What a trial begins with: its data, looked at, and its model with its initial weights.
#pragma once

#include <memory>
#include <string>

#include "src/nn/model.h"
#include "src/train/checkpoint.h"
#include "src/train/trainer.h"

namespace vizsla {

// InvalidArgument: photos are missing, of another size, or of no class; pretrained weights are
// wanted and there are none.
absl::Status CheckTrialData(const TrainingPlan& plan, const TrainingData& data);

struct TrialModel {
  std::shared_ptr<Model> model;  // on the CPU
  CheckpointIdentity identity;
  std::string frozen_weights;  // names the weights that do not train, in names of feature caches
};

// With the study's weights, then with those of the checkpoint that the trial starts from, if any.
// `data` has been checked. OutOfRange: nobody can build the network, or start it from that
// checkpoint. Other codes: a file is damaged. LibTorch's exceptions travel through.
absl::StatusOr<TrialModel> MakeTrialModel(const TrialAssignment& assignment,
                                          const TrainingData& data,
                                          const StreamKey& initialization);

}  // namespace vizsla
