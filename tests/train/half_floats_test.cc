#include "src/train/half_floats.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

namespace vizsla {
namespace {

// What IEEE 754 says of a half, by arithmetic.
float Meaning(uint16_t half) {
  const int exponent = (half >> 10) & 31;
  const int mantissa = half & 1023;
  const double magnitude =
      exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return static_cast<float>((half & 0x8000) != 0 ? -magnitude : magnitude);
}

uint16_t ToHalf(float value) {
  uint16_t half = 0;
  EXPECT_TRUE(ToHalfFloats({&value, 1}, &half)) << value;
  return half;
}

TEST(HalfFloats, EveryFiniteHalfSurvives) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    if (((half >> 10) & 31) == 31) continue;  // infinite, or not a number
    float value = 0;
    FromHalfFloats(&half, 1, &value);
    ASSERT_EQ(value, Meaning(half)) << bits;
    ASSERT_EQ(ToHalf(value), half) << bits;
  }
}

TEST(HalfFloats, RoundsToTheNearestAndTiesToEven) {
  for (uint16_t half = 0; half < 0x7BFF; ++half) {
    const float low = Meaning(half), high = Meaning(static_cast<uint16_t>(half + 1));
    const float middle = low + (high - low) / 2;  // exact
    ASSERT_EQ(ToHalf(middle), half % 2 == 0 ? half : half + 1) << half;
    ASSERT_EQ(ToHalf(std::nextafter(middle, low)), half);
    ASSERT_EQ(ToHalf(std::nextafter(middle, high)), half + 1);
  }
}

TEST(HalfFloats, RefusesWhatDoesNotFit) {
  std::array<uint16_t, 3> halves;
  const auto fits = [&](float value) {
    return ToHalfFloats(std::array<float, 3>{1, value, -2}, halves.data());
  };
  EXPECT_TRUE(fits(65504));
  EXPECT_TRUE(fits(std::nextafter(65520.0f, 0.0f)));
  EXPECT_EQ(halves[1], 0x7BFF);
  for (const float value : {65520.0f, -65520.0f, 1e30f, std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_FALSE(fits(value)) << value;
  }
}

}  // namespace
}  // namespace vizsla
