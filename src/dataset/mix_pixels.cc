#include "src/dataset/mix_pixels.h"

#include <algorithm>
#include <cstddef>

#include "src/base/check.h"

namespace vizsla {
namespace {

void Blend(double weight, std::span<const float> partner, std::span<float> own) {
  const auto own_share = static_cast<float>(weight);
  const auto partner_share = static_cast<float>(1 - weight);
  for (size_t i = 0; i < own.size(); ++i) {
    own[i] = own_share * own[i] + partner_share * partner[i];
  }
}

void Paste(const PixelBox& box, size_t size, std::span<const float> partner, std::span<float> own) {
  const auto left = static_cast<size_t>(box.left);
  const auto right = static_cast<size_t>(box.right);
  for (size_t plane = 0; plane < own.size(); plane += size * size) {
    for (auto row = static_cast<size_t>(box.top); row < static_cast<size_t>(box.bottom); ++row) {
      const size_t start = plane + row * size;
      std::copy(&partner[start] + left, &partner[start] + right, &own[start] + left);
    }
  }
}

}  // namespace

void MixPixels(const BatchMix& mix, int size, std::span<const float> partner,
               std::span<float> own) {
  const auto side = static_cast<size_t>(size);
  VIZSLA_CHECK(size >= 1 && own.size() == partner.size() && own.size() % (side * side) == 0);
  if (!mix.is_cutmix) {
    Blend(mix.weight, partner, own);
    return;
  }
  const PixelBox& box = mix.box;
  VIZSLA_CHECK(0 <= box.top && box.top <= box.bottom && box.bottom <= size);
  VIZSLA_CHECK(0 <= box.left && box.left <= box.right && box.right <= size);
  Paste(box, side, partner, own);
}

}  // namespace vizsla
