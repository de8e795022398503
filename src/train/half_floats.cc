#include "src/train/half_floats.h"

#include <bit>

namespace vizsla {
namespace {

// After Fabian Giesen, "Half to float done quick" and "float->half variants" (public domain):
// rounding of denormal halves by the adder, of others by integers, so that loops vectorize.
constexpr uint32_t kSmallestNormal = 113u << 23;   // 2^-14, as float
constexpr uint32_t kTooLarge = 0x477FF000u;        // 65520, which rounds to 2^16
constexpr uint32_t kDenormalMagic = (126u) << 23;  // 0.5: ulp 2^-24, as of denormal halves
constexpr uint32_t kRebias = 112u << 23;           // of exponents

uint16_t ToHalf(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t magnitude = bits & 0x7FFFFFFFu;
  const uint32_t odd = (magnitude >> 13) & 1u;
  const uint32_t normal = (magnitude - kRebias + 0xFFFu + odd) >> 13;
  const float shifted = std::bit_cast<float>(magnitude) + std::bit_cast<float>(kDenormalMagic);
  const uint32_t denormal = std::bit_cast<uint32_t>(shifted) - kDenormalMagic;
  const uint32_t half = magnitude < kSmallestNormal ? denormal : normal;
  return static_cast<uint16_t>(half | ((bits >> 16) & 0x8000u));
}

float FromHalf(uint16_t half) {
  const uint32_t magnitude = (half & 0x7FFFu) << 13;
  const uint32_t normal = magnitude + kRebias;
  const float denormal =
      std::bit_cast<float>(magnitude + kSmallestNormal) - std::bit_cast<float>(kSmallestNormal);
  const uint32_t bits = (half & 0x7C00u) != 0 ? normal : std::bit_cast<uint32_t>(denormal);
  return std::bit_cast<float>(bits | (static_cast<uint32_t>(half & 0x8000u) << 16));
}

}  // namespace

bool ToHalfFloats(std::span<const float> values, uint16_t* halves) {
  uint32_t largest = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const uint32_t magnitude = std::bit_cast<uint32_t>(values[i]) & 0x7FFFFFFFu;
    largest = magnitude > largest ? magnitude : largest;
    halves[i] = ToHalf(values[i]);
  }
  return largest < kTooLarge;
}

void FromHalfFloats(const uint16_t* halves, size_t count, float* values) {
  for (size_t i = 0; i < count; ++i) values[i] = FromHalf(halves[i]);
}

}  // namespace vizsla
