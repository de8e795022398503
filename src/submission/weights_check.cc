#include "src/submission/weights_check.h"

#include <map>
#include <string>
#include <vector>

#include "src/catalog/backbones.h"
#include "src/weights/expected_tensors.h"

namespace vizsla {

absl::Status CheckBackboneWeights(std::string_view backbone, const TensorFile& file) {
  VIZSLA_ASSIGN_OR_RETURN(const BackboneInfo* info, FindBackbone(backbone));
  std::vector<ExpectedTensor> expected;
  for (const NamedShape& tensor : info->tensors) {
    expected.push_back({tensor.name, tensor.shape, !tensor.name.ends_with("num_batches_tracked")});
  }
  std::map<std::string, TensorView> given;
  for (const auto& [name, view] : file.tensors()) {
    if (const auto own_name = info->TensorName(name)) given.emplace(*own_name, view);
  }
  return CheckTensors(expected, given, StrCat("not weights of ", info->name));
}

}  // namespace vizsla
