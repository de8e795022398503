// Is this file what a backbone of the catalog starts from? Names, shapes and kinds of all tensors,
// without LibTorch: the wrong file is refused when the study is submitted, not by every worker.
#pragma once

#include <string_view>

#include "src/base/status.h"
#include "src/weights/tensor_file.h"

namespace vizsla {

// InvalidArgument "not weights of mobilenet_v2: missing: ...; unexpected: ...; wrong-shaped: ...".
absl::Status CheckBackboneWeights(std::string_view backbone, const TensorFile& file);

}  // namespace vizsla
