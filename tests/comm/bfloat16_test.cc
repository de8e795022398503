#include "src/comm/bfloat16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

namespace vizsla {
namespace {

// What torch 1.13 gives for torch.tensor([x]).to(torch.bfloat16).view(torch.int16).
TEST(Bfloat16Test, RoundsAsPyTorch) {
  const std::pair<float, uint16_t> cases[] = {
      {0.0f, 0x0000},         {-0.0f, 0x8000},
      {1.0f, 0x3F80},         {1.00390625f, 0x3F80},    // half way, to even
      {1.01171875f, 0x3F82},                            // half way, to even
      {1.00390637f, 0x3F81},                            // just above
      {-3.14159274f, 0xC049}, {3.3895314e38f, 0x7F7F},  // the largest
      {3.4e38f, 0x7F80},                                // beyond it
      {1e-40f, 0x0001},       {4e-41f, 0x0000},
  };
  for (const auto& [value, bits] : cases) EXPECT_EQ(RoundToBfloat16(value).bits, bits) << value;
}

TEST(Bfloat16Test, WidensExactly) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const Bfloat16 value{static_cast<uint16_t>(bits)};
    const float wide = ToFloat(value);
    if (std::isnan(wide)) {
      EXPECT_EQ(RoundToBfloat16(wide).bits, 0x7FC0);
    } else {
      EXPECT_EQ(RoundToBfloat16(wide).bits, bits);
    }
  }
}

TEST(Bfloat16Test, KeepsNaNAndInfinity) {
  for (const uint32_t bits : {0x7F800001u, 0x7FFFFFFFu, 0xFFFFFFFFu, 0xFF800001u}) {
    EXPECT_TRUE(std::isnan(ToFloat(RoundToBfloat16(std::bit_cast<float>(bits)))));
  }
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(ToFloat(RoundToBfloat16(infinity)), infinity);
  EXPECT_EQ(ToFloat(RoundToBfloat16(-infinity)), -infinity);
}

}  // namespace
}  // namespace vizsla
