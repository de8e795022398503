// The safetensors format (https://huggingface.co/docs/safetensors, "Format"): eight bytes with the
// length of a JSON header, the header, the tensors' bytes without holes or overlaps.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "src/base/status.h"
#include "src/weights/tensor_file.h"

namespace vizsla {

struct SafetensorsContents {
  std::map<std::string, TensorView> tensors;  // into the given bytes
  std::map<std::string, std::string> metadata;
};

// Messages do not name the file. DataLoss when the file is cut short, else InvalidArgument.
absl::StatusOr<SafetensorsContents> ParseSafetensors(std::string_view file);

}  // namespace vizsla
