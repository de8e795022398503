#include "src/report/svg.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "src/report/axis.h"
#include "tests/report/markup_testing.h"

namespace vizsla {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(EscapeMarkup, LeavesNothingThatAParserOrATerminalWouldObey) {
  EXPECT_EQ(EscapeMarkup("a<b>&\"c'"), "a&lt;b&gt;&amp;&quot;c&#39;");
  EXPECT_EQ(EscapeMarkup("größe ⠿"), "größe ⠿");
  // XML 1.0 has no way to write these at all.
  EXPECT_EQ(EscapeMarkup(std::string("\x1b[2J\0\xff", 6)), "?[2J??");
}

TEST(SvgNumber, IsShortAndNeverOdd) {
  EXPECT_EQ(SvgNumber(12), "12");
  EXPECT_EQ(SvgNumber(12.5), "12.5");
  EXPECT_EQ(SvgNumber(1.0 / 3), "0.33");
  EXPECT_EQ(SvgNumber(-0.001), "0");
  EXPECT_EQ(SvgNumber(std::nan("")), "0");
  EXPECT_EQ(SvgNumber(1e9), "1000000000");
}

TEST(Colors, ViridisEndsWhereMatplotlibEndsAndGrowsLighter) {
  EXPECT_EQ(Viridis(0), "#440154");
  EXPECT_EQ(Viridis(1), "#fde725");
  EXPECT_EQ(Viridis(-3), "#440154");
  EXPECT_EQ(Viridis(std::nan("")), "#440154");
  // matplotlib.cm.viridis(0.5): 0.127568, 0.566949, 0.550556.
  EXPECT_EQ(Viridis(0.5).substr(0, 3), "#23");
  double before = -1;
  for (double t = 0; t <= 1; t += 0.05) {
    const std::string color = Viridis(t);
    const auto channel = [&](int at) { return std::stoi(color.substr(at, 2), nullptr, 16); };
    const double light = 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
    EXPECT_GT(light, before) << t;
    before = light;
  }
  EXPECT_EQ(MixColors("#000000", "#ffffff", 0.5), "#808080");
}

TEST(Colors, LinesThatStandTogetherDiffer) {
  std::set<std::string> looks;
  for (size_t i = 0; i < 21; ++i) looks.insert(LineStyle(i).color + LineStyle(i).dash);
  EXPECT_EQ(looks.size(), 21U);
}

TEST(Svg, IsWellFormedWhateverTheTextSays) {
  Svg svg(100, 50, "<b>&\"");
  svg.Text({1, 2}, "</text><script>alert(1)</script>", {.size = 12, .color = ""});
  svg.Circle({1, 2}, 3, "#ffffff", "tool \"tip\" <&>");
  svg.Polyline({{0, 0}, {1, std::nan("")}}, {"#000000", 1, 0.5, "2 2"}, "x");
  svg.Polyline({{0, 0}}, {"#000000", 1, 1, ""});  // a point is no line
  svg.Rectangle({0, 0}, -5, 5, "#ffffff");
  EXPECT_EQ(MarkupTrouble(svg.Inline()), "");
  EXPECT_EQ(MarkupTrouble(svg.Standalone()), "");
  EXPECT_THAT(svg.Inline(), Not(HasSubstr("<script")));
  EXPECT_THAT(svg.Inline(), Not(HasSubstr("http")));
  EXPECT_THAT(svg.Inline(), Not(HasSubstr("nan")));
  EXPECT_THAT(svg.Inline(), HasSubstr("width=\"0\""));
  EXPECT_EQ(CountOf(svg.Inline(), "<polyline"), 1U);
  EXPECT_THAT(svg.Standalone(), HasSubstr("xmlns=\"http://www.w3.org/2000/svg\""));
}

std::vector<std::string> Texts(const std::vector<Tick>& ticks) {
  std::vector<std::string> texts;
  for (const Tick& tick : ticks) texts.push_back(tick.text);
  return texts;
}

TEST(Axis, TicksAreRound) {
  EXPECT_THAT(Texts(Axis(0, 1, 0, 100).Ticks(5)),
              ElementsAre("0", "0.2", "0.4", "0.6", "0.8", "1"));
  EXPECT_THAT(Texts(Axis(-0.3, 0.3, 0, 100).Ticks(3)), ElementsAre("-0.2", "0", "0.2"));
  EXPECT_THAT(Texts(Axis(1, 30, 0, 100).Ticks(6)), ElementsAre("5", "10", "15", "20", "25", "30"));
  EXPECT_THAT(Texts(Axis(1e-5, 1e-1, 0, 100, true).Ticks(6)),
              ElementsAre("1e-5", "1e-4", "0.001", "0.01", "0.1"));
  EXPECT_THAT(Texts(Axis(0.05, 2, 0, 100, true).Ticks(5)),
              ElementsAre("0.05", "0.1", "0.2", "0.5", "1", "2"));
  EXPECT_THAT(Texts(Axis(1e-20, 1e20, 0, 100, true).Ticks(4)), testing::SizeIs(testing::Le(6U)));
}

TEST(Axis, MapsBothWaysRoundAndLogarithmically) {
  const Axis down(0, 10, 200, 100);
  EXPECT_DOUBLE_EQ(down.Map(0), 200);
  EXPECT_DOUBLE_EQ(down.Map(10), 100);
  EXPECT_DOUBLE_EQ(Axis(1, 100, 0, 10, true).Map(10), 5);
}

TEST(Axis, OneValueStandsInTheMiddle) {
  for (const double value : {0.0, 0.5, -7.0, 1e-9}) {
    EXPECT_DOUBLE_EQ(Axis(value, value, 0, 100).Map(value), 50) << value;
    EXPECT_FALSE(Axis(value, value, 0, 100).Ticks(5).empty());
  }
  EXPECT_DOUBLE_EQ(Axis(3, 3, 0, 100, true).Map(3), 50);
}

TEST(Axis, RangesLeaveOutWhatIsNotFinite) {
  const std::vector<double> values = {std::nan(""), 2, INFINITY, -1};
  EXPECT_EQ(RangeOf(values).low, -1);
  EXPECT_EQ(RangeOf(values).high, 2);
  EXPECT_EQ(RangeOf({}).high, 1);
}

TEST(ShortNumber, SaysItShortly) {
  EXPECT_EQ(ShortNumber(0.25), "0.25");
  EXPECT_EQ(ShortNumber(12000), "12000");
  EXPECT_EQ(ShortNumber(2e6), "2e6");
  EXPECT_EQ(ShortNumber(1e-10), "1e-10");
  EXPECT_EQ(ShortNumber(3e-4), "3e-4");
  EXPECT_EQ(ShortNumber(std::nan("")), "NaN");
}

}  // namespace
}  // namespace vizsla
