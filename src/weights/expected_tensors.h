// Does a set of named tensors fit a network? One comparison, and one sentence for what does not
// fit, for everybody who loads or checks weights.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/status.h"
#include "src/weights/tensor_file.h"

namespace vizsla {

struct ExpectedTensor {
  std::string name;
  std::vector<int64_t> shape;  // empty: a scalar
  bool floating = true;        // any floating type fits; otherwise any integer type
};

// InvalidArgument "PLACE: missing: a, b; unexpected: c; wrong-shaped: d ([2], not [3])", ten names
// of each list. Batch norm's counters (num_batches_tracked) may be missing: older files have none.
absl::Status CheckTensors(const std::vector<ExpectedTensor>& expected,
                          const std::map<std::string, TensorView>& given, std::string_view place);

}  // namespace vizsla
