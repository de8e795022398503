#include "src/catalog/backbones.h"

namespace vizsla {
namespace {

BackboneInfo MakeMobileNetV2() {
  BackboneInfo info;
  info.name = "mobilenet_v2";
  info.feature_channels = 1280;
  info.stride = 32;
  info.min_image_size = 32;
  for (int block = 16; block >= 1; --block) {
    info.unfreeze_points.push_back(StrCat("block_", block, "_expand"));
  }
  info.tensors = MobileNetV2Tensors();
  return info;
}

const std::vector<BackboneInfo>& All() {
  static const std::vector<BackboneInfo> all = {MakeMobileNetV2()};
  return all;
}

}  // namespace

absl::StatusOr<const BackboneInfo*> FindBackbone(std::string_view name) {
  std::string known;
  for (const BackboneInfo& info : All()) {
    if (info.name == name) return &info;
    absl::StrAppend(&known, known.empty() ? "" : ", ", info.name);
  }
  return absl::NotFoundError(
      StrCat("unknown backbone '", std::string(name), "'; known are: ", known));
}

std::span<const BackboneInfo> Backbones() { return All(); }

}  // namespace vizsla
