#include "src/storage/metrics_text.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "src/base/random.h"

namespace vizsla {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void ExpectEachAlone(const Metrics& metrics) {
  const std::string text = MetricsToText(metrics);
  for (const auto& [name, value] : metrics) {
    const auto alone = MetricFromText(text, name);
    ASSERT_TRUE(alone.ok()) << text;
    EXPECT_TRUE(*alone == value || (std::isnan(*alone) && std::isnan(value))) << name << text;
  }
  EXPECT_TRUE(std::isnan(*MetricFromText(text, "absent"))) << text;
}

TEST(MetricsToText, WritesTheBytesThatItAlwaysWrote) {
  EXPECT_EQ(MetricsToText({}), "{}");
  EXPECT_EQ(MetricsToText({{"val_loss", 0.1}, {"a", 1}, {"b", -2.5e-300}}),
            R"({"a":1.0,"b":-2.5e-300,"val_loss":0.1})");
  EXPECT_EQ(MetricsToText({{"b", std::nan("")}, {"c", kInfinity}, {"d", -kInfinity}}),
            R"({"b":"nan","c":"inf","d":"-inf"})");
  EXPECT_EQ(MetricsToText({{"with \"quotes\"", 1}, {"\xc3\xa4", std::nan("")}}),
            "{\"with \\\"quotes\\\"\":1.0,\"\xc3\xa4\":\"nan\"}");
}

TEST(MetricFromText, ReadsOneOfThem) {
  ExpectEachAlone({});
  ExpectEachAlone({{"val_loss", 0.1}});
  ExpectEachAlone(
      {{"a", 1}, {"ab", -2.5e-300}, {"b", std::nan("")}, {"c", kInfinity}, {"d", -kInfinity}});
  ExpectEachAlone({{"with \"quotes\" and, {braces}", 1}, {"z", 2}, {"\xc3\xa4", 3}});
}

TEST(MetricFromText, ReadsEveryNumberToTheBit) {
  RandomStream stream{StreamKey(1)};
  for (int i = 0; i < 5000; ++i) {
    const auto number = std::bit_cast<double>(stream.NextU64());
    if (!std::isnan(number)) ExpectEachAlone({{"x", 0.5}, {"y", number}});
  }
}

TEST(MetricFromText, SaysWhatIsDamaged) {
  for (const char* text :
       {"", "{", "[]", "{\"a\":}", "{\"a\":1,", "{\"x\":\"five\"}", "{\"x\":1.2.3}"}) {
    EXPECT_FALSE(MetricFromText(text, "x").ok()) << text;
  }
}

}  // namespace
}  // namespace vizsla
