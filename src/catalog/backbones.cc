#include "src/catalog/backbones.h"

namespace vizsla {
namespace {

std::vector<BackboneInfo> MakeAll() {
  std::vector<BackboneInfo> all = {
      MakeMobileNetV2(), MakeInceptionV3(),     MakeResNet50(), MakeVgg16(),
      MakeDenseNet121(), MakeEfficientNetV2S(), MakeXception(), MakeInceptionResNetV2(),
  };
  for (BackboneInfo& info : all) info.tensors = info.graph.Tensors();
  return all;
}

}  // namespace

std::optional<std::string> BackboneInfo::TensorName(std::string_view in_file) const {
  for (const std::string& module : other_modules) {
    if (in_file.starts_with(module) && in_file.substr(module.size()).starts_with('.')) {
      return std::nullopt;
    }
  }
  std::string name(in_file);
  for (const auto& [published, ours] : spellings) {
    const size_t place = name.find(published);
    if (place != std::string::npos) name.replace(place, published.size(), ours);
  }
  return name;
}

std::optional<int> BackboneInfo::FindCut(std::string_view unfreeze) const {
  if (unfreeze == "none") return static_cast<int>(graph.layers.size());
  if (unfreeze == "all") return 0;
  return graph.FindLayer(unfreeze);
}

absl::StatusOr<const BackboneInfo*> FindBackbone(std::string_view name) {
  std::string known;
  for (const BackboneInfo& info : Backbones()) {
    if (info.name == name) return &info;
    absl::StrAppend(&known, known.empty() ? "" : ", ", info.name);
  }
  return absl::NotFoundError(
      StrCat("unknown backbone '", std::string(name), "'; known are: ", known));
}

std::span<const BackboneInfo> Backbones() {
  static const std::vector<BackboneInfo> all = MakeAll();
  return all;
}

}  // namespace vizsla
