#include "src/catalog/mixing.h"

#include <algorithm>
#include <cmath>

#include "src/base/check.h"

namespace vizsla {
namespace {

// The logarithm of a Gamma(shape, 1) variate.
double DrawLogGamma(double shape, RandomStream& stream) {
  // The paper's method needs a shape of at least 1. Its section 6: a variate of shape + 1 times
  // U^(1 / shape) has the smaller shape.
  double log_boost = 0;
  if (shape < 1) {
    log_boost = std::log(1 - stream.Uniform()) / shape;
    shape += 1;
  }
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double normal = stream.Normal();
    const double root = 1 + c * normal;
    const double uniform = 1 - stream.Uniform();  // above 0, whose logarithm is finite
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log(uniform) < normal * normal / 2 + d * (1 - v + std::log(v))) {
      return std::log(d) + std::log(v) + log_boost;
    }
  }
}

// CutMix's half sides and corrected weight, whole pixels cut off as torchvision does it.
BatchMix CutMix(double weight, int centre_y, int centre_x, int image_size) {
  const int half = static_cast<int>(0.5 * std::sqrt(1 - weight) * image_size);
  BatchMix mix;
  mix.is_cutmix = true;
  mix.box = {.top = std::max(centre_y - half, 0),
             .left = std::max(centre_x - half, 0),
             .bottom = std::min(centre_y + half, image_size),
             .right = std::min(centre_x + half, image_size)};
  const double area =
      static_cast<double>(mix.box.bottom - mix.box.top) * (mix.box.right - mix.box.left);
  mix.weight = 1 - area / (static_cast<double>(image_size) * image_size);
  return mix;
}

}  // namespace

double DrawBeta(double a, double b, RandomStream& stream) {
  VIZSLA_CHECK(a > 0 && b > 0);
  const double log_a = DrawLogGamma(a, stream);
  const double log_b = DrawLogGamma(b, stream);
  return 1 / (1 + std::exp(log_b - log_a));  // A / (A + B)
}

BatchMix DrawMix(double mixup_alpha, double cutmix_alpha, int image_size, RandomStream& stream) {
  VIZSLA_CHECK(mixup_alpha >= 0 && cutmix_alpha >= 0 && image_size >= 1);
  if (mixup_alpha == 0 && cutmix_alpha == 0) return {};
  // Drawn by both methods and before the weight, whose number of draws varies.
  const bool coin = stream.Bernoulli(0.5);
  const auto centre_y = static_cast<int>(stream.UniformInt(static_cast<uint64_t>(image_size)));
  const auto centre_x = static_cast<int>(stream.UniformInt(static_cast<uint64_t>(image_size)));
  const bool takes_cutmix = cutmix_alpha > 0 && (mixup_alpha == 0 || coin);
  const double alpha = takes_cutmix ? cutmix_alpha : mixup_alpha;
  const double weight = DrawBeta(alpha, alpha, stream);
  if (takes_cutmix) return CutMix(weight, centre_y, centre_x, image_size);
  return {.weight = weight};
}

}  // namespace vizsla
