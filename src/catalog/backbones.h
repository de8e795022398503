// The backbones that exist, described without LibTorch: the coordinator and the command line
// validate with this; src/nn builds them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/status.h"

namespace vizsla {

struct NamedShape {
  std::string name;
  std::vector<int64_t> shape;
};

struct BackboneInfo {
  std::string name;          // torchvision's: "mobilenet_v2"
  int feature_channels = 0;  // channels of the last feature map
  int stride = 0;            // input pixels per feature-map pixel; the map is ceil(size/stride)
  int min_image_size = 0;
  std::vector<std::string>
      unfreeze_points;  // Keras' names, from the end of the network to its start
  // Its state dict below the classifier, with torchvision's names. num_batches_tracked are
  // integers, all else floats.
  std::vector<NamedShape> tensors;
};

// NotFound lists the known names.
absl::StatusOr<const BackboneInfo*> FindBackbone(std::string_view name);
std::span<const BackboneInfo> Backbones();

std::vector<NamedShape> MobileNetV2Tensors();

}  // namespace vizsla
