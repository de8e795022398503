// A complete network from what training stored: the study's frozen weights under the checkpoint's
// tensors. Pure.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "src/base/status.h"
#include "src/catalog/training_plan.h"
#include "src/weights/tensor_file.h"

namespace vizsla {

// Names as src/nn/model.h says: the weights file's tensors of the backbone `network` get the prefix
// `backbone.`, its classifier is left out; the checkpoint's network tensors replace or join them,
// its optimizer state is left out. `weights` is null for networks that started from random weights.
// InvalidArgument when the checkpoint holds nothing of a network, or a tensor that replaces another
// has another shape. `weights_hash` is the SHA-256 of the weights file; a checkpoint that names
// another one is refused (FailedPrecondition). The views point into the files, which must outlive
// the result.
absl::StatusOr<std::map<std::string, TensorView>> AssembleModel(const std::string& network,
                                                                const TensorFile* weights,
                                                                const std::string& weights_hash,
                                                                const TensorFile& checkpoint);

}  // namespace vizsla
