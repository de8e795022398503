// Augmentation policies with the semantics of Keras' ImageDataGenerator (keras_preprocessing 1.1,
// image_data_generator.py get_random_transform, affine_transformations.py apply_affine_transform):
// rotation uniform in +-degrees; shifts uniform in +-fraction of height and width; zoom drawn per
// axis from [1-z, 1+z]; horizontal flip with probability 1/2; what falls outside repeats the
// nearest edge. Pure: what a view is, and how it is drawn; src/image renders it.
#pragma once

#include <span>
#include <string_view>

#include "src/base/random.h"
#include "src/base/status.h"

namespace vizsla {

struct AugmentationPolicy {
  double rotation_degrees = 0;
  double width_shift = 0;   // fraction of the width
  double height_shift = 0;  // fraction of the height
  double zoom = 0;
  bool horizontal_flip = false;
  bool operator==(const AugmentationPolicy&) const = default;
};

// none | v1 | v2 | v3 of the campaign. NotFound lists the known names.
absl::StatusOr<AugmentationPolicy> FindAugmentationPolicy(std::string_view name);
std::span<const std::string_view> AugmentationPolicyNames();

// One drawn transformation. The default is the photo as it is.
struct View {
  bool flip = false;
  double rotation_degrees = 0;  // Keras' theta
  double shift_x = 0;           // Keras' ty, in fractions of the width
  double shift_y = 0;           // Keras' tx, in fractions of the height
  double zoom_x = 1;            // Keras' zy: above 1 shows more than the photo
  double zoom_y = 1;
  bool operator==(const View&) const = default;
};

// Draws in a fixed order (rotation, shifts, zooms, flip), always the same number of draws.
View DrawView(const AugmentationPolicy& policy, RandomStream& stream);

// Policies whose views are only the photo and its mirror image: their features can be cached
// exactly. CountExactViews: 1 (none), 2 (flip only), 0 (not finite). ViewIndex: 0 plain, 1
// mirrored.
int CountExactViews(const AugmentationPolicy& policy);
inline int ViewIndex(const View& view) { return view.flip ? 1 : 0; }

}  // namespace vizsla
