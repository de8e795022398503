#include "src/base/quantity.h"

#include <gtest/gtest.h>

namespace vizsla {
namespace {

using std::chrono::milliseconds;

TEST(ParseDuration, ReadsNumbersWithUnits) {
  EXPECT_EQ(ParseDuration("500ms"), milliseconds(500));
  EXPECT_EQ(ParseDuration("30"), milliseconds(30'000));
  EXPECT_EQ(ParseDuration("30s"), milliseconds(30'000));
  EXPECT_EQ(ParseDuration("10m"), milliseconds(600'000));
  EXPECT_EQ(ParseDuration("1h"), milliseconds(3'600'000));
  for (const char* wrong : {"", "s", "0s", "-1s", "1.5s", "1d", "1 s", "s1", "1000000001"}) {
    EXPECT_EQ(ParseDuration(wrong), std::nullopt) << wrong;
  }
}

TEST(ParseBytes, ReadsNumbersWithUnits) {
  EXPECT_EQ(ParseBytes("1"), 1);
  EXPECT_EQ(ParseBytes("1.5KiB"), 1536);
  EXPECT_EQ(ParseBytes("50GiB"), int64_t{50} << 30);
  EXPECT_EQ(ParseBytes("2TiB"), int64_t{2} << 40);
  EXPECT_EQ(ParseBytes("500MB"), 500'000'000);
  EXPECT_EQ(ParseBytes("1e9"), 1'000'000'000);
  for (const char* wrong : {"", "GiB", "0", "-1GB", "1gb", "1 GB", "1e30", "inf", "nan", "12x"}) {
    EXPECT_EQ(ParseBytes(wrong), std::nullopt) << wrong;
  }
}

TEST(BytesText, HasThreeDigits) {
  EXPECT_EQ(BytesText(0), "0 B");
  EXPECT_EQ(BytesText(999), "999 B");
  EXPECT_EQ(BytesText(1000), "1.00 kB");
  EXPECT_EQ(BytesText(12345), "12.3 kB");
  EXPECT_EQ(BytesText(999'499), "999 kB");
  EXPECT_EQ(BytesText(999'500), "1.00 MB");
  EXPECT_EQ(BytesText(9'996'000), "10.0 MB");
  EXPECT_EQ(BytesText(uint64_t{50} << 30), "53.7 GB");
  EXPECT_EQ(BytesText(UINT64_MAX), "18.4 EB");
}

}  // namespace
}  // namespace vizsla
