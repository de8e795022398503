#include "src/catalog/augmentation.h"

#include <array>
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
  return view;
}

int CountExactViews(const AugmentationPolicy& policy) {
  if (policy.rotation_degrees != 0 || policy.width_shift != 0 || policy.height_shift != 0 ||
      policy.zoom != 0) {
    return 0;
  }
  return policy.horizontal_flip ? 2 : 1;
}

}  // namespace vizsla
