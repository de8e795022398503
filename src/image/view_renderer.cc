#include "src/image/view_renderer.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace vizsla {
namespace {

// torchvision's rgb_to_grayscale.
constexpr std::array<double, 3> kGrey = {0.2989, 0.587, 0.114};

AffineMap CropMap(const ViewBox& crop, int size) {
  AffineMap map;
  map.matrix = {{{crop.height, 0}, {0, crop.width}}};
  map.offset = {0.5 * crop.height + crop.top * size - 0.5,
                0.5 * crop.width + crop.left * size - 0.5};
  return map;
}

// The map that takes a position through `inner` and then `outer`.
AffineMap Compose(const AffineMap& outer, const AffineMap& inner) {
  AffineMap map;
  for (size_t i = 0; i < 2; ++i) {
    for (size_t j = 0; j < 2; ++j) {
      map.matrix[i][j] =
          outer.matrix[i][0] * inner.matrix[0][j] + outer.matrix[i][1] * inner.matrix[1][j];
    }
    map.offset[i] = outer.matrix[i][0] * inner.offset[0] + outer.matrix[i][1] * inner.offset[1] +
                    outer.offset[i];
  }
  return map;
}

float Clamped(float value) { return std::clamp(value, 0.0f, 255.0f); }

}  // namespace

bool AffineMap::IsIdentity() const {
  return matrix[0][0] == 1 && matrix[0][1] == 0 && matrix[1][0] == 0 && matrix[1][1] == 1 &&
         offset[0] == 0 && offset[1] == 0;
}

AffineMap KerasMap(const View& view, int size) {
  // Left out as Keras leaves them out, so that a plain photo stays exactly itself.
  if (view.rotation_degrees == 0 && view.shift_x == 0 && view.shift_y == 0 &&
      view.shear_degrees == 0 && view.zoom_x == 1 && view.zoom_y == 1) {
    return {};
  }
  const double theta = view.rotation_degrees * std::numbers::pi / 180;
  const double c = std::cos(theta);
  const double s = std::sin(theta);
  const double shear = view.shear_degrees * std::numbers::pi / 180;
  // Rotation times [[1, -sin], [0, cos]]; without shear exactly (-s, c).
  const double sheared_row = -c * std::sin(shear) - s * std::cos(shear);
  const double sheared_column = -s * std::sin(shear) + c * std::cos(shear);
  const double shift_row = view.shift_y * size;     // Keras' tx
  const double shift_column = view.shift_x * size;  // Keras' ty
  AffineMap map;
  map.matrix = {{{c * view.zoom_y, sheared_row * view.zoom_x},
                 {s * view.zoom_y, sheared_column * view.zoom_x}}};
  const double centre = size / 2.0 - 0.5;
  for (size_t i = 0; i < 2; ++i) {
    const double shifted =
        i == 0 ? c * shift_row - s * shift_column : s * shift_row + c * shift_column;
    map.offset[i] = shifted + centre - (map.matrix[i][0] + map.matrix[i][1]) * centre;
  }
  return map;
}

AffineMap ViewMap(const View& view, int size) {
  const AffineMap map = KerasMap(view, size);
  if (view.crop == View{}.crop) return map;
  return Compose(map, CropMap(view.crop, size));
}

void ViewRenderer::Levels::Set(size_t channel, float channel_scale, float channel_offset) {
  scale[channel] = channel_scale;
  offset[channel] = channel_offset;
  for (size_t byte = 0; byte < 256; ++byte) {
    table[channel][byte] = static_cast<float>(byte) * channel_scale + channel_offset;
  }
}

ViewRenderer::ViewRenderer(const Preprocessing& preprocessing, int size) : size_(size) {
  for (size_t channel = 0; channel < 3; ++channel) {
    const size_t plane = preprocessing.bgr ? 2 - channel : channel;
    plane_of_channel_[channel] = plane;
    preprocessed_.Set(channel, preprocessing.scale[plane], preprocessing.offset[plane]);
    unchanged_.Set(channel, 1, 0);
  }
}

void ViewRenderer::Render(std::span<const uint8_t> photo, const View& view, float* planes) const {
  const AffineMap map = ViewMap(view, size_);
  const bool coloured = view.brightness != 1 || view.contrast != 1;
  const Levels& levels = coloured ? unchanged_ : preprocessed_;
  if (map.IsIdentity()) {
    RenderPlain(photo, levels, view.flip, planes);
  } else {
    RenderMapped(photo, levels, map, view.flip, planes);
  }
  if (coloured) ApplyColour(view.brightness, view.contrast, planes);
  Erase(view.erased, planes);
}

void ViewRenderer::RenderPlain(std::span<const uint8_t> photo, const Levels& levels, bool flip,
                               float* planes) const {
  const auto size = static_cast<size_t>(size_);
  float* red = planes + plane_of_channel_[0] * size * size;
  float* green = planes + plane_of_channel_[1] * size * size;
  float* blue = planes + plane_of_channel_[2] * size * size;
  for (size_t row = 0; row < size; ++row) {
    const uint8_t* from = photo.data() + row * size * 3;
    for (size_t column = 0; column < size; ++column, from += 3) {
      const size_t to = row * size + (flip ? size - 1 - column : column);
      red[to] = levels.table[0][from[0]];
      green[to] = levels.table[1][from[1]];
      blue[to] = levels.table[2][from[2]];
    }
  }
}

void ViewRenderer::RenderMapped(std::span<const uint8_t> photo, const Levels& levels,
                                const AffineMap& map, bool flip, float* planes) const {
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
        to[plane_of_channel_[channel] * plane_size] =
            value * levels.scale[channel] + levels.offset[channel];
      }
    }
  }
}

void ViewRenderer::ApplyColour(double brightness, double contrast, float* planes) const {
  const auto plane_size = static_cast<size_t>(size_) * static_cast<size_t>(size_);
  const auto brighter = static_cast<float>(brightness);
  double grey = 0;
  for (size_t channel = 0; channel < 3; ++channel) {
    const std::span plane(planes + plane_of_channel_[channel] * plane_size, plane_size);
    double sum = 0;
    for (float& value : plane) {
      value = Clamped(value * brighter);
      sum += value;
    }
    grey += kGrey[channel] * sum / static_cast<double>(plane_size);
  }
  const auto share = static_cast<float>(contrast);
  const auto blended_in = static_cast<float>((1 - contrast) * grey);
  for (size_t channel = 0; channel < 3; ++channel) {
    const float scale = preprocessed_.scale[channel];
    const float offset = preprocessed_.offset[channel];
    const std::span plane(planes + plane_of_channel_[channel] * plane_size, plane_size);
    for (float& value : plane) value = Clamped(value * share + blended_in) * scale + offset;
  }
}

void ViewRenderer::Erase(const ViewBox& box, float* planes) const {
  const auto pixel = [this](double fraction) {
    return static_cast<int>(std::lround(std::clamp(fraction, 0.0, 1.0) * size_));
  };
  const int left = pixel(box.left);
  const int right = pixel(box.left + box.width);
  const int bottom = pixel(box.top + box.height);
  for (int plane = 0; plane < 3; ++plane) {
    for (int row = pixel(box.top); row < bottom; ++row) {
      float* start = planes + (ptrdiff_t{plane} * size_ + row) * size_;
      std::fill(start + left, start + right, 0.0f);
    }
  }
}

}  // namespace vizsla
