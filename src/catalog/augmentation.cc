#include "src/catalog/augmentation.h"

#include <array>
#include <cmath>
#include <optional>
#include <string>

namespace vizsla {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"none", "v1", "v2", "v3"};

// In the order of kNames: rotation, width shift, height shift, zoom, flip.
constexpr std::array<AugmentationPolicy, 4> kPolicies = {{
    {},
    {0, 0, 0, 0, true},
    {15, 0, 0, 0.2, true},
    {15, 0.2, 0.2, 0.2, true},
}};

struct BoxRanges {
  double min_area;  // fractions of the square
  double max_area;
  double min_ratio;  // of width to height
  double max_ratio;
};

// RandomErasing's defaults; its ratio is of height to width.
constexpr BoxRanges kErasedRanges = {0.02, 0.33, 1 / 3.3, 1 / 0.3};

// What torchvision's RandomResizedCrop and RandomErasing share: up to ten tries for a box that fits
// into the square, then a uniform place for it. Nothing when none fits. All draws are made, also
// those that come after a box was found.
std::optional<ViewBox> DrawBox(const BoxRanges& ranges, RandomStream& stream) {
  constexpr int kTries = 10;
  std::optional<ViewBox> box;
  for (int i = 0; i < kTries; ++i) {
    const double area = stream.Uniform(ranges.min_area, ranges.max_area);
    const double ratio =
        std::exp(stream.Uniform(std::log(ranges.min_ratio), std::log(ranges.max_ratio)));
    const double width = std::sqrt(area * ratio);
    const double height = std::sqrt(area / ratio);
    if (!box && width <= 1 && height <= 1) box = ViewBox{.height = height, .width = width};
  }
  const double place_y = stream.Uniform();
  const double place_x = stream.Uniform();
  if (box) {
    box->top = place_y * (1 - box->height);
    box->left = place_x * (1 - box->width);
  }
  return box;
}

}  // namespace

absl::StatusOr<AugmentationPolicy> FindAugmentationPolicy(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return kPolicies[i];
  }
  return absl::NotFoundError(
      StrCat("unknown augmentation policy '", std::string(name), "'; known are: none, v1, v2, v3"));
}

std::span<const std::string_view> AugmentationPolicyNames() { return kNames; }

View DrawView(const AugmentationPolicy& policy, RandomStream& stream) {
  View view;
  view.rotation_degrees = stream.Uniform(-policy.rotation_degrees, policy.rotation_degrees);
  view.shift_y = stream.Uniform(-policy.height_shift, policy.height_shift);
  view.shift_x = stream.Uniform(-policy.width_shift, policy.width_shift);
  view.zoom_y = stream.Uniform(1 - policy.zoom, 1 + policy.zoom);
  view.zoom_x = stream.Uniform(1 - policy.zoom, 1 + policy.zoom);
  // Drawn by all policies, so that one number more or less never shifts the others.
  const bool flip = stream.Bernoulli(0.5);
  view.flip = policy.horizontal_flip && flip;
  view.shear_degrees = stream.Uniform(-policy.shear_degrees, policy.shear_degrees);
  const auto crop = DrawBox({policy.crop_scale, 1, 3.0 / 4, 4.0 / 3}, stream);
  // When nothing fits, RandomResizedCrop takes the largest central box of an allowed ratio: of a
  // square, all of it.
  if (policy.crop_scale < 1 && crop) view.crop = *crop;
  view.brightness = stream.Uniform(1 - policy.brightness, 1 + policy.brightness);
  view.contrast = stream.Uniform(1 - policy.contrast, 1 + policy.contrast);
  const bool erases = stream.Bernoulli(policy.erasing);
  const auto erased = DrawBox(kErasedRanges, stream);
  if (erases && erased) view.erased = *erased;
  return view;
}

int CountExactViews(const AugmentationPolicy& policy) {
  // Whatever a policy may vary, now or later: only the flip's views can be counted.
  AugmentationPolicy without_flip = policy;
  without_flip.horizontal_flip = false;
  if (without_flip != AugmentationPolicy{}) return 0;
  return policy.horizontal_flip ? 2 : 1;
}

}  // namespace vizsla
