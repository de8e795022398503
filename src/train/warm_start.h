// A trial that starts from another trial's weights (`init_from`).
#pragma once

#include <string>
#include <string_view>

#include "src/base/status.h"
#include "src/nn/model.h"
#include "src/train/checkpoint.h"

namespace vizsla {

// Copies the tensors of a `best` checkpoint over the model's: all that training has changed there,
// and all else that the checkpoint holds. What it does not hold must be the frozen weights that it
// was trained on, and the model must have them: the study's weights are imported first. `identity`
// is of the trial that starts.
//
// OutOfRange: the checkpoint does not fit, of another network, padding or weights, or with a tensor
// that the model lacks, has in another shape, or needs. Other codes: the checkpoint is damaged, or
// no `best` checkpoint. The model is as it was after an error.
//
// Returns whether anything below the head was replaced: then the frozen weights are no longer the
// study's.
absl::StatusOr<bool> StartFrom(std::string_view checkpoint, const CheckpointIdentity& identity,
                               Model& model);

}  // namespace vizsla
