#include "src/image/tool/scene.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <opencv2/imgproc.hpp>
#include <string_view>
#include <vector>

#include "src/base/check.h"
#include "src/base/str_cat.h"

namespace vizsla {
namespace {

constexpr std::array<std::string_view, 8> kShapes = {"disc", "square",   "triangle", "star",
                                                     "ring", "crescent", "cross",    "flower"};
constexpr std::array<std::string_view, 4> kTextures = {"plain", "striped", "dotted", "checked"};
struct ColourFamily {
  std::string_view name;
  double hue;  // degrees
};
constexpr std::array<ColourFamily, 6> kColours = {
    {{"red", 0}, {"yellow", 50}, {"green", 115}, {"cyan", 180}, {"blue", 230}, {"purple", 290}}};

// How often a photo's colour or texture is not its class's: so that no cue alone is enough.
constexpr double kOddColour = 0.06;
constexpr double kOddTexture = 0.06;

struct Attributes {
  size_t shape;
  size_t texture;
  size_t colour;
};

// One to one. Beyond six classes colours repeat, beyond four textures, beyond eight shapes: no cue
// is enough alone.
Attributes AttributesOf(int number) {
  VIZSLA_CHECK(number >= 0 && number < kMaxSceneClasses);
  const size_t shape = static_cast<size_t>(number) % kShapes.size();
  const size_t rest = static_cast<size_t>(number) / kShapes.size();
  return {shape, (rest / kColours.size() + shape) % kTextures.size(),
          (rest + shape) % kColours.size()};
}

using Rgb = cv::Vec3d;  // 0..1

Rgb FromHsv(double hue, double saturation, double value) {
  Rgb rgb;
  for (int c = 0; c < 3; ++c) {
    const double k = std::fmod((c == 0 ? 5 : c == 1 ? 3 : 1) + hue / 60 + 6, 6);
    rgb[c] = value - value * saturation * std::clamp(std::min(k, 4 - k), 0.0, 1.0);
  }
  return rgb;
}

Rgb AnyColour(RandomStream& stream, double saturation, double value) {
  return FromHsv(stream.Uniform(0, 360), stream.Uniform(0.1, saturation),
                 stream.Uniform(0.2, value));
}

// Whether a point of the shape's own plane, whose extent is about the unit disc, is on the shape.
bool IsInside(size_t shape, double u, double v) {
  const double radius = std::hypot(u, v);
  const double angle = std::atan2(v, u);
  switch (shape) {
    case 0:
      return radius < 0.9;
    case 1:
      return std::max(std::abs(u), std::abs(v)) < 0.8;
    case 2:
      return v < 0.55 && v > 1.75 * std::abs(u) - 1;
    case 3: {
      // Five points: along the edge between a tip (radius 1) and the notch beside it.
      const double slice = 2 * std::numbers::pi / 5;
      const double within = std::abs(std::remainder(angle + std::numbers::pi / 2, slice));
      constexpr double kNotch = 0.42;
      const double half = slice / 2;
      return radius *
                 (std::sin(within) * (1 - kNotch * std::cos(half)) / (kNotch * std::sin(half)) +
                  std::cos(within)) <
             1;
    }
    case 4:
      return radius < 0.95 && radius > 0.55;
    case 5:
      return radius < 0.95 && std::hypot(u - 0.5, v) > 0.75;
    case 6:
      return std::max(std::abs(u), std::abs(v)) < 0.95 && std::min(std::abs(u), std::abs(v)) < 0.3;
    default:
      return radius < 0.68 + 0.3 * std::cos(5 * angle);
  }
}

// 0 for the base colour, 1 for the second one.
double TextureAt(size_t texture, double u, double v, double frequency) {
  const double x = u * frequency;
  const double y = v * frequency;
  switch (texture) {
    case 1:
      return std::sin(2 * std::numbers::pi * x) > 0 ? 1 : 0;
    case 2:
      return std::hypot(x - std::round(x), y - std::round(y)) < 0.3 ? 1 : 0;
    case 3:
      return (static_cast<int64_t>(std::floor(x * 1.4)) +
              static_cast<int64_t>(std::floor(y * 1.4))) %
                         2 !=
                     0
                 ? 1
                 : 0;
    default:
      return 0;
  }
}

// A shape somewhere in the photo: centre and axes in pixels, and what covers it.
struct Figure {
  size_t shape;
  size_t texture;
  Rgb base;
  Rgb second;
  double centre_x, centre_y;
  double scale_x, scale_y;
  double turn;  // radians
  double lean;
  double frequency;
};

// With 2x2 samples a pixel.
void Paint(const Figure& figure, cv::Mat_<Rgb>& canvas) {
  const double c = std::cos(figure.turn);
  const double s = std::sin(figure.turn);
  const double reach = 1.5 * std::max(figure.scale_x, figure.scale_y);
  const int top = std::max(0, static_cast<int>(figure.centre_y - reach));
  const int bottom = std::min(canvas.rows - 1, static_cast<int>(figure.centre_y + reach));
  const int left = std::max(0, static_cast<int>(figure.centre_x - reach));
  const int right = std::min(canvas.cols - 1, static_cast<int>(figure.centre_x + reach));
  for (int row = top; row <= bottom; ++row) {
    for (int column = left; column <= right; ++column) {
      Rgb sum(0, 0, 0);
      int hits = 0;
      for (int sample = 0; sample < 4; ++sample) {
        const double x = column + 0.25 + 0.5 * (sample % 2) - figure.centre_x;
        const double y = row + 0.25 + 0.5 * (sample / 2) - figure.centre_y;
        const double v = (-s * x + c * y) / figure.scale_y;
        const double u = (c * x + s * y) / figure.scale_x + figure.lean * v;
        if (!IsInside(figure.shape, u, v)) continue;
        ++hits;
        const double share = TextureAt(figure.texture, u, v, figure.frequency);
        sum += figure.base * (1 - share) + figure.second * share;
      }
      if (hits == 0) continue;
      Rgb& pixel = canvas(row, column);
      pixel = pixel * (1 - hits / 4.0) + sum * 0.25;
    }
  }
}

// A shape that is no class's business.
Figure Clutter(int width, int height, double largest, RandomStream& stream) {
  Figure figure{};
  figure.shape = stream.UniformInt(kShapes.size());
  figure.texture = stream.UniformInt(kTextures.size());
  // Paler than any subject.
  figure.base = AnyColour(stream, 0.4, 0.8);
  figure.second = AnyColour(stream, 0.4, 0.8);
  figure.centre_x = stream.Uniform(0, width);
  figure.centre_y = stream.Uniform(0, height);
  figure.scale_x = stream.Uniform(0.4, 1) * largest;
  figure.scale_y = stream.Uniform(0.4, 1) * largest;
  figure.turn = stream.Uniform(0, 2 * std::numbers::pi);
  figure.lean = stream.Uniform(-0.5, 0.5);
  figure.frequency = stream.Uniform(1, 3);
  return figure;
}

Figure Subject(const Attributes& attributes, int width, int height, RandomStream& stream) {
  const int side = std::min(width, height);
  Figure figure{};
  figure.shape = attributes.shape;
  figure.texture =
      stream.Bernoulli(kOddTexture) ? stream.UniformInt(kTextures.size()) : attributes.texture;
  const size_t colour =
      stream.Bernoulli(kOddColour) ? stream.UniformInt(kColours.size()) : attributes.colour;
  const double hue = kColours[colour].hue + 9 * stream.Normal();
  const double value = stream.Uniform(0.5, 1);
  figure.base = FromHsv(std::fmod(hue + 720, 360), stream.Uniform(0.5, 1), value);
  // The second colour is a much lighter or darker relative of the first.
  figure.second = stream.Bernoulli(0.5) ? figure.base * stream.Uniform(0.15, 0.4)
                                        : FromHsv(std::fmod(hue + 720, 360), 0.15, 1);
  const double size = side * stream.Uniform(0.3, 0.46);
  figure.scale_x = size * stream.Uniform(0.8, 1.2);
  figure.scale_y = size * stream.Uniform(0.8, 1.2);
  figure.centre_x = width / 2.0 + stream.Uniform(-1, 1) * std::max(0.0, width / 2.0 - 0.9 * size);
  figure.centre_y = height / 2.0 + stream.Uniform(-1, 1) * std::max(0.0, height / 2.0 - 0.9 * size);
  figure.turn = stream.Uniform(-0.6, 0.6);
  figure.lean = stream.Uniform(-0.25, 0.25);
  figure.frequency = stream.Uniform(1.8, 2.8);
  return figure;
}

void PaintBackground(cv::Mat_<Rgb>& canvas, RandomStream& stream) {
  const Rgb corners[4] = {AnyColour(stream, 0.35, 0.85), AnyColour(stream, 0.35, 0.85),
                          AnyColour(stream, 0.35, 0.85), AnyColour(stream, 0.35, 0.85)};
  for (int row = 0; row < canvas.rows; ++row) {
    const double y = static_cast<double>(row) / canvas.rows;
    for (int column = 0; column < canvas.cols; ++column) {
      const double x = static_cast<double>(column) / canvas.cols;
      canvas(row, column) = (corners[0] * (1 - x) + corners[1] * x) * (1 - y) +
                            (corners[2] * (1 - x) + corners[3] * x) * y;
    }
  }
}

// The canvas as a camera sees it: a lamp at one side, a lens that is not quite sharp, a sensor that
// is not quite silent.
cv::Mat Expose(cv::Mat_<Rgb>& canvas, RandomStream& stream) {
  const double direction = stream.Uniform(0, 2 * std::numbers::pi);
  const double strength = stream.Uniform(0, 0.45);
  const double exposure = stream.Uniform(0.7, 1.15);
  const double noise = stream.Uniform(0.01, 0.05);
  const double blur = stream.Uniform(0.2, 1.1);
  const Rgb warmth(stream.Uniform(0.9, 1.1), 1, stream.Uniform(0.9, 1.1));
  cv::GaussianBlur(canvas, canvas, cv::Size(0, 0), blur);
  cv::Mat photo(canvas.size(), CV_8UC3);
  for (int row = 0; row < canvas.rows; ++row) {
    const double y = 2.0 * row / canvas.rows - 1;
    for (int column = 0; column < canvas.cols; ++column) {
      const double x = 2.0 * column / canvas.cols - 1;
      const double light =
          exposure * (1 + strength * (x * std::cos(direction) + y * std::sin(direction)));
      for (int c = 0; c < 3; ++c) {
        const double value = canvas(row, column)[c] * light * warmth[c] + noise * stream.Normal();
        photo.at<cv::Vec3b>(row, column)[c] = cv::saturate_cast<uint8_t>(255 * value);
      }
    }
  }
  return photo;
}

}  // namespace

std::string SceneClassName(int number) {
  const Attributes attributes = AttributesOf(number);
  return StrCat(kColours[attributes.colour].name, "_", kTextures[attributes.texture], "_",
                kShapes[attributes.shape]);
}

cv::Mat DrawScene(int class_number, int width, int height, RandomStream& stream) {
  const int side = std::min(width, height);
  cv::Mat_<Rgb> canvas(height, width);
  PaintBackground(canvas, stream);
  for (uint64_t i = 2 + stream.UniformInt(4); i > 0; --i) {
    Paint(Clutter(width, height, side * 0.24, stream), canvas);
  }
  Figure subject = Subject(AttributesOf(class_number), width, height, stream);
  Figure shadow = subject;
  shadow.base = shadow.second = Rgb(0.08, 0.08, 0.1);
  shadow.centre_x += side * stream.Uniform(-0.05, 0.05);
  shadow.centre_y += side * stream.Uniform(0.01, 0.06);
  Paint(shadow, canvas);
  Paint(subject, canvas);
  // Something small in front.
  for (uint64_t i = stream.UniformInt(3); i > 0; --i) {
    Paint(Clutter(width, height, side * 0.09, stream), canvas);
  }
  return Expose(canvas, stream);
}

}  // namespace vizsla
