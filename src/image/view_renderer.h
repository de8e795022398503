// One view of one photo as a network's input.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "src/catalog/augmentation.h"
#include "src/catalog/preprocessing.h"

namespace vizsla {

// output[o] = input[matrix * o + offset], positions as (row, column).
struct AffineMap {
  std::array<std::array<double, 2>, 2> matrix{{{1, 0}, {0, 1}}};
  std::array<double, 2> offset{};
  bool IsIdentity() const;
};

// keras_preprocessing's apply_affine_transform for a size x size photo: rotation, then shift, then
// shear, then zoom (as matrices, multiplied in that order), about the centre (size / 2 - 0.5).
// Without the flip. Pure.
AffineMap KerasMap(const View& view, int size);

// Keras' map, and then the crop of its result, as one map. The crop is stretched as torchvision's
// resized_crop does it (bilinear, not antialiased: half-pixel centres), except that its outermost
// pixels read on into the photo where resized_crop repeats the crop's edge. Without the flip. Pure.
AffineMap ViewMap(const View& view, int size);

// Immutable; thread-safe.
class ViewRenderer {
 public:
  ViewRenderer(const Preprocessing& preprocessing, int size);

  // From size x size x 3 bytes (row, column, RGB) to 3 x size x size floats (channel, row, column).
  // In order:
  //   1. the affine map (ViewMap) reads between the pixels, each one once (bilinear, in float on
  //      unrounded values), and repeats the nearest edge outside;
  //   2. the mirror image is of the mapped photo, as Keras does it;
  //   3. brightness, then contrast, each as torchvision's adjust_brightness and adjust_contrast on
  //      float images: v * b, and v * c + (1 - c) * m with m the mean of the grey view (0.2989 R +
  //      0.587 G + 0.114 B); both clamped to [0, 255], neither rounded;
  //   4. the preprocessing;
  //   5. the erased box becomes 0, after the preprocessing as torchvision erases normalised
  //      tensors: mid-grey where the pixels are in -1..1, black where they are in 0..1. Its edges
  //      are rounded to the nearest pixel.
  void Render(std::span<const uint8_t> photo, const View& view, float* planes) const;

 private:
  // What red, green and blue become: v * scale + offset; the table holds that of every byte.
  struct Levels {
    void Set(size_t channel, float channel_scale, float channel_offset);
    std::array<float, 3> scale;
    std::array<float, 3> offset;
    std::array<std::array<float, 256>, 3> table;
  };

  void RenderPlain(std::span<const uint8_t> photo, const Levels& levels, bool flip,
                   float* planes) const;
  void RenderMapped(std::span<const uint8_t> photo, const Levels& levels, const AffineMap& map,
                    bool flip, float* planes) const;
  // From planes in 0..255, in place; preprocesses too.
  void ApplyColour(double brightness, double contrast, float* planes) const;
  void Erase(const ViewBox& box, float* planes) const;

  int size_;
  std::array<size_t, 3> plane_of_channel_;  // of red, green, blue
  Levels preprocessed_;
  Levels unchanged_;  // 0..255, for colours that change before the preprocessing
};

}  // namespace vizsla
