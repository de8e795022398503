// PyTorch's zip format of state dicts (torch.save since 1.6): <name>/data.pkl, a pickle whose
// tensors name storages, and one file <name>/data/<key> per storage.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/status.h"
#include "src/weights/tensor_file.h"

namespace vizsla {

struct PytorchContents {
  std::map<std::string, TensorView> tensors;   // into `memory`
  std::vector<std::vector<std::byte>> memory;  // moving the contents keeps the addresses
};

// `file`: the bytes of the zip. A state dict, or a dict that has one under "state_dict". Strided
// tensors come out contiguous, big-endian ones little-endian. Messages do not name the file.
// DataLoss when it is cut short or damaged (checksums are verified), else InvalidArgument.
absl::StatusOr<PytorchContents> ParsePytorchZip(std::string_view file);

}  // namespace vizsla
