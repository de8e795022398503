#include "src/nn/weights_import.h"

#include <map>
#include <string>

namespace vizsla {

absl::Status ImportBackbone(const TensorFile& file, std::string_view place, Model& model) {
  if (!model.has_backbone()) {
    return absl::FailedPreconditionError("a scratch network has no backbone to load weights into");
  }
  constexpr std::string_view kPrefix = "backbone.";
  NamedTensors backbone;
  for (const auto& [name, tensor] : model.StateDict()) {
    if (name.starts_with(kPrefix)) backbone.emplace_back(name.substr(kPrefix.size()), tensor);
  }
  std::map<std::string, TensorView> source;
  for (const auto& [name, view] : file.tensors()) {
    if (!name.starts_with("classifier.")) source.emplace(name, view);
  }
  VIZSLA_RETURN_IF_ERROR(
      CopyInto(backbone, source, std::string(place) + ": not weights of mobilenet_v2"));
  model.FrozenStateChanged();
  return absl::OkStatus();
}

}  // namespace vizsla
