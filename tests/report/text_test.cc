#include "src/report/text.h"

#include <gtest/gtest.h>

#include <cmath>

namespace vizsla {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(DisplayWidth, CountsColumnsAndNotBytes) {
  EXPECT_EQ(DisplayWidth(""), 0);
  EXPECT_EQ(DisplayWidth("affenpinscher"), 13);
  EXPECT_EQ(DisplayWidth("Münsterländer"), 13);
  EXPECT_EQ(DisplayWidth("柴犬"), 4);
  EXPECT_EQ(DisplayWidth("🐕"), 2);
  EXPECT_EQ(DisplayWidth("e\xCC\x81"), 1);  // e and a combining acute accent
}

TEST(SafeLines, KeepsLineFeedsOnly) {
  EXPECT_EQ(SafeLines("an idea\n\na\x1b[2Jb\r\n"), "an idea\n\na?[2Jb?\n");
  EXPECT_EQ(SafeLines(""), "");
}

TEST(SafeText, ReplacesWhatCouldMoveTheCursor) {
  EXPECT_EQ(SafeText("a\x1b[2Jb\n"), "a?[2Jb?");
  EXPECT_EQ(SafeText("\x7f"), "?");
  EXPECT_EQ(SafeText("\xC2\x9B"
                     "2J"),
            "?2J");  // a one-character CSI
  EXPECT_EQ(SafeText("a\xE2\x80\xAE"
                     "b"),
            "a?b");  // right-to-left override
  EXPECT_EQ(SafeText("Münsterländer 柴犬"), "Münsterländer 柴犬");
}

TEST(SafeText, ReplacesBrokenUtf8ByteByByte) {
  EXPECT_EQ(SafeText("a\xFF"), "a?");
  EXPECT_EQ(SafeText("\xC0\xAF"), "??");       // an overlong slash
  EXPECT_EQ(SafeText("\xED\xA0\x80"), "???");  // a surrogate
  EXPECT_EQ(SafeText("\xE6\x9F"), "??");       // cut off
  EXPECT_EQ(DisplayWidth("\xE6\x9F"), 2);
}

TEST(Truncate, CutsAtColumns) {
  EXPECT_EQ(Truncate("abc", 3), "abc");
  EXPECT_EQ(Truncate("abcd", 3), "ab…");
  EXPECT_EQ(Truncate("柴犬柴犬", 4), "柴…");  // half a character does not fit
  EXPECT_EQ(Truncate("ab", 1), "…");
}

TEST(FormatDuration, ChoosesTheUnit) {
  EXPECT_EQ(FormatDuration(milliseconds(0)), "0.0s");
  EXPECT_EQ(FormatDuration(milliseconds(420)), "0.4s");
  EXPECT_EQ(FormatDuration(seconds(45)), "45s");
  EXPECT_EQ(FormatDuration(milliseconds(59'700)), "1m00s");
  EXPECT_EQ(FormatDuration(seconds(185)), "3m05s");
  EXPECT_EQ(FormatDuration(hours(2) + minutes(7)), "2h07m");
  EXPECT_EQ(FormatDuration(hours(76)), "3d04h");
  EXPECT_EQ(FormatDuration(milliseconds(-5)), "0.0s");  // clocks that disagree
}

TEST(FormatBytes, ChoosesTheUnit) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(999), "999 B");
  EXPECT_EQ(FormatBytes(1000), "1.0 kB");
  EXPECT_EQ(FormatBytes(999'999), "1.0 MB");
  EXPECT_EQ(FormatBytes(14'214'848), "14.2 MB");
}

TEST(FormatMetric, IsShortAndSaysWhenItIsNoNumber) {
  EXPECT_EQ(FormatMetric(0.78341), "0.7834");
  EXPECT_EQ(FormatMetric(0.0), "0.0000");
  EXPECT_EQ(FormatMetric(0.00001234), "1.234e-05");
  EXPECT_EQ(FormatMetric(123456.0), "1.235e+05");
  EXPECT_EQ(FormatMetric(std::nan("")), "NaN");
  EXPECT_EQ(FormatMetric(-INFINITY), "-inf");
  EXPECT_EQ(FormatMetric(std::nullopt), "-");
}

TEST(FormatTime, IsUtc) {
  const Timestamp time = FromUnixMillis(1795488730123);
  EXPECT_EQ(FormatTime(time), "2026-11-24 02:52:10");
  EXPECT_EQ(FormatTimeRfc3339(time), "2026-11-24T02:52:10.123Z");
  EXPECT_EQ(FormatTimeRfc3339(FromUnixMillis(0)), "1970-01-01T00:00:00.000Z");
}

TEST(Count, AgreesInNumber) {
  EXPECT_EQ(Count(0, "trial"), "0 trials");
  EXPECT_EQ(Count(1, "trial"), "1 trial");
  EXPECT_EQ(Count(24, "trial"), "24 trials");
}

}  // namespace
}  // namespace vizsla
