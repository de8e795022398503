#include "src/submission/weights_check.h"

#include <string>
#include <vector>

namespace vizsla {
namespace {

struct Landmark {
  std::string_view backbone;
  std::string tensor;
  std::vector<int64_t> shape;
};

// The first and the last convolution of each backbone, as torchvision names them.
const std::vector<Landmark>& Landmarks() {
  static const auto* const kLandmarks = new std::vector<Landmark>{
      {"mobilenet_v2", "features.0.0.weight", {32, 3, 3, 3}},
      {"mobilenet_v2", "features.18.0.weight", {1280, 320, 1, 1}},
  };
  return *kLandmarks;
}

std::string Describe(const std::vector<int64_t>& shape) {
  std::string text;
  for (const int64_t side : shape) absl::StrAppend(&text, text.empty() ? "" : " x ", side);
  return text.empty() ? "a scalar" : text;
}

}  // namespace

absl::Status CheckBackboneWeights(std::string_view backbone, const TensorFile& file) {
  const auto refuse = [&](const std::string& reason) {
    return absl::InvalidArgumentError(
        StrCat("not weights of ", std::string(backbone), ": ", reason));
  };
  for (const Landmark& landmark : Landmarks()) {
    if (landmark.backbone != backbone) continue;
    const auto found = file.tensors().find(landmark.tensor);
    if (found == file.tensors().end()) {
      return refuse(StrCat("the tensor ", landmark.tensor, " is missing"));
    }
    if (found->second.shape != landmark.shape) {
      return refuse(StrCat(landmark.tensor, " is ", Describe(found->second.shape), ", not ",
                           Describe(landmark.shape)));
    }
  }
  return absl::OkStatus();
}

}  // namespace vizsla
