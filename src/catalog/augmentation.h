// Augmentation policies: which views of a photo training sees. Pure: what a view is, and how it is
// drawn; src/image renders it (view_renderer.h: the order of the steps, and what each does to
// pixels).
//
// Where each variation has its meaning from:
//   rotation, shifts, shear, zoom, flip: Keras' ImageDataGenerator (keras_preprocessing 1.1,
//     image_data_generator.py get_random_transform, affine_transformations.py
//     apply_affine_transform); what falls outside the photo repeats the nearest edge.
//   crop: torchvision.transforms.RandomResizedCrop (get_params).
//   brightness, contrast: torchvision.transforms.ColorJitter, in this order (ColorJitter shuffles).
//   erasing: torchvision.transforms.RandomErasing (get_params).
// Unlike torchvision's, boxes are drawn in fractions of the side and not rounded to whole pixels,
// so that a view is the same at every image size.
#pragma once

#include <span>
#include <string_view>

#include "src/base/random.h"
#include "src/base/status.h"

namespace vizsla {

// The default is the photo as it is.
struct AugmentationPolicy {
  double rotation_degrees = 0;   // [0, 180]: uniform in +-this
  double width_shift = 0;        // [0, 1]: uniform in +-this, a fraction of the width
  double height_shift = 0;       // [0, 1]: uniform in +-this, a fraction of the height
  double zoom = 0;               // [0, 1): uniform in [1 - this, 1 + this], drawn for each axis
  bool horizontal_flip = false;  // with probability 1/2
  double shear_degrees = 0;      // [0, 90): uniform in +-this
  double crop_scale = 1;  // (0, 1], 1 is no crop: the crop's area is uniform in [this, 1] of the
                          // photo's, its ratio of width to height log-uniform in [3/4, 4/3]
  double brightness = 0;  // [0, 1]: factor uniform in [1 - this, 1 + this]
  double contrast = 0;    // [0, 1]: factor uniform in [1 - this, 1 + this]
  double erasing = 0;     // [0, 1]: probability. The area is uniform in [0.02, 0.33] of the view's,
                          // the ratio of height to width log-uniform in [0.3, 3.3]
  bool operator==(const AugmentationPolicy&) const = default;
};

// none | v1 | v2 | v3 of the campaign. NotFound lists the known names.
absl::StatusOr<AugmentationPolicy> FindAugmentationPolicy(std::string_view name);
std::span<const std::string_view> AugmentationPolicyNames();

// A rectangle, in fractions of the photo's side.
struct ViewBox {
  double top = 0;
  double left = 0;
  double height = 0;
  double width = 0;
  bool operator==(const ViewBox&) const = default;
};

// One drawn transformation. The default is the photo as it is.
struct View {
  bool flip = false;
  double rotation_degrees = 0;  // Keras' theta
  double shift_x = 0;           // Keras' ty, in fractions of the width
  double shift_y = 0;           // Keras' tx, in fractions of the height
  double zoom_x = 1;            // Keras' zy: above 1 shows more than the photo
  double zoom_y = 1;
  double shear_degrees = 0;
  ViewBox crop = {.height = 1, .width = 1};  // what is stretched over the whole view
  double brightness = 1;                     // factors
  double contrast = 1;
  ViewBox erased = {};  // of the finished view; nothing without a height or a width
  bool operator==(const View&) const = default;
};

// Draws in a fixed order (rotation, shifts, zooms, flip; shear, crop, brightness, contrast,
// erasing), always the same number of draws, whatever the policy and whatever comes out: switching
// one variation on leaves the others' draws as they were.
View DrawView(const AugmentationPolicy& policy, RandomStream& stream);

// How many views the policy has, where they are only the photo and its mirror image: 1 (none), 2
// (flip only), 0 (they have no end). ViewSet (view_set.h) numbers them.
int CountExactViews(const AugmentationPolicy& policy);

}  // namespace vizsla
