// The upper half of a float32: 8 bits of precision, float32's range. Pure.
#pragma once

#include <bit>
#include <cstdint>

namespace vizsla {

struct Bfloat16 {
  uint16_t bits = 0;
};

// Exact.
inline float ToFloat(Bfloat16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16);
}

// To nearest, ties to even, as PyTorch rounds: relative error at most 2^-8. What is beyond the
// largest number becomes infinite; every NaN becomes the same one.
inline Bfloat16 RoundToBfloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
  const bool is_nan = (bits & 0x7FFFFFFFu) > 0x7F800000u;
  return {static_cast<uint16_t>(is_nan ? 0x7FC0u : rounded)};
}

}  // namespace vizsla
