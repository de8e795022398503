// How a photo's bytes become the network's input. Names follow Keras' imagenet_utils modes.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "src/base/status.h"

namespace vizsla {

// input[c] = byte[channel c] * scale[c] + offset[c]; bytes 0..255; channels in the stated order.
struct Preprocessing {
  std::string name;
  bool bgr = false;  // channel 0 is blue (slips of the campaign, and Keras' caffe mode)
  std::array<float, 3> scale{};
  std::array<float, 3> offset{};
};

// unit      RGB / 255                      (scratch networks)
// tf        RGB / 127.5 - 1                (Keras' MobileNetV2, InceptionV3)
// torch     (RGB / 255 - mean) / deviation (torchvision's ImageNet constants)
// caffe     BGR - mean                     (Keras' ResNet50, VGG16)
// identity  RGB 0..255                     (Keras' EfficientNetV2)
// notebook  BGR / 255                      (the campaign's slip, whatever the weights expect)
// NotFound lists the known names.
absl::StatusOr<Preprocessing> FindPreprocessing(std::string_view name);
std::span<const std::string_view> PreprocessingNames();

// The name that a weights file's metadata means: one of the names above, or "mobilenet...".
std::optional<std::string> PreprocessingFromMetadata(std::string_view text);

}  // namespace vizsla
