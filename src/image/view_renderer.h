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
// zoom (as matrices, multiplied in that order), about the centre (size / 2 - 0.5). Without the
// flip. Pure.
AffineMap KerasMap(const View& view, int size);

// Immutable; thread-safe.
class ViewRenderer {
 public:
  ViewRenderer(const Preprocessing& preprocessing, int size);

  // From size x size x 3 bytes (row, column, RGB) to 3 x size x size floats (channel, row, column).
  // The affine map reads between the pixels (bilinear, in float on unrounded values) and repeats
  // the nearest edge outside; the mirror image is of the mapped photo, as Keras does it.
  void Render(std::span<const uint8_t> photo, const View& view, float* planes) const;

 private:
  void RenderPlain(std::span<const uint8_t> photo, bool flip, float* planes) const;
  void RenderMapped(std::span<const uint8_t> photo, const AffineMap& map, bool flip,
                    float* planes) const;

  int size_;
  std::array<size_t, 3> plane_of_channel_;  // of red, green, blue
  std::array<float, 3> scale_;              // of red, green, blue
  std::array<float, 3> offset_;
  std::array<std::array<float, 256>, 3> table_;  // what each byte of red, green, blue becomes
};

}  // namespace vizsla
