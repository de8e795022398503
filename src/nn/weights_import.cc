#include "src/nn/weights_import.h"

#include <map>
#include <string>

namespace vizsla {

absl::Status ImportBackbone(const TensorFile& file, std::string_view place, Model& model) {
  const BackboneInfo* info = model.backbone();
  if (info == nullptr) {
    return absl::FailedPreconditionError("a scratch network has no backbone to load weights into");
  }
  constexpr std::string_view kPrefix = "backbone.";
  NamedTensors backbone;
  for (const auto& [name, tensor] : model.StateDict()) {
    if (name.starts_with(kPrefix)) backbone.emplace_back(name.substr(kPrefix.size()), tensor);
  }
  std::map<std::string, TensorView> source;
  for (const auto& [name, view] : file.tensors()) {
    if (const auto own_name = info->TensorName(name)) source.emplace(*own_name, view);
  }
  VIZSLA_RETURN_IF_ERROR(
      CopyInto(backbone, source, StrCat(std::string(place), ": not weights of ", info->name)));
  model.FrozenStateChanged();
  return absl::OkStatus();
}

}  // namespace vizsla
