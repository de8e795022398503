// Is this file what a backbone of the catalog starts from? A quick look without LibTorch, so that
// the wrong file is refused when the study is submitted and not on every worker; src/nn compares
// every tensor.
#pragma once

#include <string_view>

#include "src/base/status.h"
#include "src/weights/tensor_file.h"

namespace vizsla {

// InvalidArgument "not weights of mobilenet_v2: features.0.0.weight is missing", or has another
// shape.
absl::Status CheckBackboneWeights(std::string_view backbone, const TensorFile& file);

}  // namespace vizsla
