// Pretrained weights into a model's backbone.
#pragma once

#include "src/base/status.h"
#include "src/nn/model.h"
#include "src/weights/tensor_file.h"

namespace vizsla {

// Copies the backbone's tensors from a file with the names of who published the network,
// torchvision or timm (`features.0.0.weight`, ...; BackboneInfo::TensorName). What is not the
// backbone is ignored: classifiers and auxiliary outputs. InvalidArgument "<place>: not weights of
// mobilenet_v2:
// ..." lists missing, unexpected and wrong-shaped names (10 each at most) and leaves the model as
// it was. FailedPrecondition when the model has no backbone.
absl::Status ImportBackbone(const TensorFile& file, std::string_view place, Model& model);

}  // namespace vizsla
