#include "src/catalog/preprocessing.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"

namespace vizsla {
namespace {

// torchvision's ImageNet constants, RGB, for values in [0, 1].
constexpr std::array<float, 3> kTorchMean = {0.485F, 0.456F, 0.406F};
constexpr std::array<float, 3> kTorchDeviation = {0.229F, 0.224F, 0.225F};
// Keras' caffe mode, BGR, for values in [0, 255].
constexpr std::array<float, 3> kCaffeMean = {103.939F, 116.779F, 123.68F};

constexpr std::array<std::string_view, 6> kNames = {"unit",  "tf",       "torch",
                                                    "caffe", "identity", "notebook"};

std::vector<Preprocessing> MakeAll() {
  constexpr float kUnit = 1.0F / 255.0F;
  Preprocessing torch{"torch", false, {}, {}};
  for (size_t c = 0; c < 3; ++c) {
    torch.scale[c] = kUnit / kTorchDeviation[c];
    torch.offset[c] = -kTorchMean[c] / kTorchDeviation[c];
  }
  constexpr float kTf = 1.0F / 127.5F;
  return {
      {"unit", false, {kUnit, kUnit, kUnit}, {0, 0, 0}},
      {"tf", false, {kTf, kTf, kTf}, {-1, -1, -1}},
      torch,
      {"caffe", true, {1, 1, 1}, {-kCaffeMean[0], -kCaffeMean[1], -kCaffeMean[2]}},
      {"identity", false, {1, 1, 1}, {0, 0, 0}},
      {"notebook", true, {kUnit, kUnit, kUnit}, {0, 0, 0}},
  };
}

}  // namespace

absl::StatusOr<Preprocessing> FindPreprocessing(std::string_view name) {
  static const std::vector<Preprocessing> all = MakeAll();
  for (const Preprocessing& preprocessing : all) {
    if (preprocessing.name == name) return preprocessing;
  }
  std::string known;
  for (const std::string_view other : kNames) {
    absl::StrAppend(&known, known.empty() ? "" : ", ", std::string(other));
  }
  return absl::NotFoundError(
      StrCat("unknown preprocessing '", std::string(name), "'; known are: ", known));
}

std::span<const std::string_view> PreprocessingNames() { return kNames; }

std::optional<std::string> PreprocessingFromMetadata(std::string_view text) {
  std::string word(text);
  absl::AsciiStrToLower(&word);
  for (const std::string_view name : kNames) {
    if (word == name) return word;
  }
  // Keras' mobilenet modules all call imagenet_utils.preprocess_input(mode="tf").
  if (word.starts_with("mobilenet")) return "tf";
  return std::nullopt;
}

}  // namespace vizsla
