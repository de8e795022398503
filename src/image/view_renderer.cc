#include "src/image/view_renderer.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace vizsla {

bool AffineMap::IsIdentity() const {
  return matrix[0][0] == 1 && matrix[0][1] == 0 && matrix[1][0] == 0 && matrix[1][1] == 1 &&
         offset[0] == 0 && offset[1] == 0;
}

AffineMap KerasMap(const View& view, int size) {
  // Left out as Keras leaves them out, so that a plain photo stays exactly itself.
  if (view.rotation_degrees == 0 && view.shift_x == 0 && view.shift_y == 0 && view.zoom_x == 1 &&
      view.zoom_y == 1) {
    return {};
  }
  const double theta = view.rotation_degrees * std::numbers::pi / 180;
  const double c = std::cos(theta);
  const double s = std::sin(theta);
  const double shift_row = view.shift_y * size;     // Keras' tx
  const double shift_column = view.shift_x * size;  // Keras' ty
  AffineMap map;
  map.matrix = {{{c * view.zoom_y, -s * view.zoom_x}, {s * view.zoom_y, c * view.zoom_x}}};
  const double centre = size / 2.0 - 0.5;
  for (size_t i = 0; i < 2; ++i) {
    const double shifted =
        i == 0 ? c * shift_row - s * shift_column : s * shift_row + c * shift_column;
    map.offset[i] = shifted + centre - (map.matrix[i][0] + map.matrix[i][1]) * centre;
  }
  return map;
}

ViewRenderer::ViewRenderer(const Preprocessing& preprocessing, int size) : size_(size) {
  for (size_t channel = 0; channel < 3; ++channel) {
    const size_t plane = preprocessing.bgr ? 2 - channel : channel;
    plane_of_channel_[channel] = plane;
    scale_[channel] = preprocessing.scale[plane];
    offset_[channel] = preprocessing.offset[plane];
    for (size_t byte = 0; byte < 256; ++byte) {
      table_[channel][byte] = static_cast<float>(byte) * scale_[channel] + offset_[channel];
    }
  }
}

void ViewRenderer::Render(std::span<const uint8_t> photo, const View& view, float* planes) const {
  const AffineMap map = KerasMap(view, size_);
  if (map.IsIdentity()) {
    RenderPlain(photo, view.flip, planes);
  } else {
    RenderMapped(photo, map, view.flip, planes);
  }
}

void ViewRenderer::RenderPlain(std::span<const uint8_t> photo, bool flip, float* planes) const {
  const auto size = static_cast<size_t>(size_);
  float* red = planes + plane_of_channel_[0] * size * size;
  float* green = planes + plane_of_channel_[1] * size * size;
  float* blue = planes + plane_of_channel_[2] * size * size;
  for (size_t row = 0; row < size; ++row) {
    const uint8_t* from = photo.data() + row * size * 3;
    for (size_t column = 0; column < size; ++column, from += 3) {
      const size_t to = row * size + (flip ? size - 1 - column : column);
      red[to] = table_[0][from[0]];
      green[to] = table_[1][from[1]];
      blue[to] = table_[2][from[2]];
    }
  }
}

void ViewRenderer::RenderMapped(std::span<const uint8_t> photo, const AffineMap& map, bool flip,
                                float* planes) const {
  // Signed 32-bit positions: processors convert doubles to them several times faster than to
  // size_t.
  const int size = size_;
  const double last = size - 1;
  const size_t plane_size = static_cast<size_t>(size) * static_cast<size_t>(size);
  for (int row = 0; row < size; ++row) {
    const double row_start = map.matrix[0][0] * row + map.offset[0];
    const double column_start = map.matrix[1][0] * row + map.offset[1];
    for (int column = 0; column < size; ++column) {
      // Reading at the nearest point inside is the same as repeating the edge.
      const double y = std::clamp(row_start + map.matrix[0][1] * column, 0.0, last);
      const double x = std::clamp(column_start + map.matrix[1][1] * column, 0.0, last);
      const int top = static_cast<int>(y);
      const int left = static_cast<int>(x);
      const auto down = static_cast<float>(y - top);
      const auto right = static_cast<float>(x - left);
      const ptrdiff_t below = top + 1 < size ? ptrdiff_t{size} * 3 : 0;
      const ptrdiff_t beside = left + 1 < size ? 3 : 0;
      const uint8_t* at = photo.data() + (ptrdiff_t{top} * size + left) * 3;
      float* to = planes + ptrdiff_t{row} * size + (flip ? size - 1 - column : column);
      for (size_t channel = 0; channel < 3; ++channel, ++at) {
        const float upper = at[0] + right * static_cast<float>(at[beside] - at[0]);
        const float lower = at[below] + right * static_cast<float>(at[below + beside] - at[below]);
        const float value = upper + down * (lower - upper);
        to[plane_of_channel_[channel] * plane_size] = value * scale_[channel] + offset_[channel];
      }
    }
  }
}

}  // namespace vizsla
