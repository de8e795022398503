#include "src/report/charts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "src/base/str_cat.h"
#include "tests/report/markup_testing.h"

namespace vizsla {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Every chart, whatever stands in it.
void ExpectSound(const Svg& svg) {
  const std::string text = svg.Inline();
  EXPECT_EQ(MarkupTrouble(text), "");
  EXPECT_EQ(MarkupTrouble(svg.Standalone()), "");
  EXPECT_THAT(text, AllOf(Not(HasSubstr("\"nan")), Not(HasSubstr("\"inf"))));
  EXPECT_GT(svg.width(), 0);
  EXPECT_GT(svg.height(), 0);
}

constexpr char kEvil[] = "<script>\"&'</svg>";

TEST(LineChart, ABreakWhereAValueIsNotFinite) {
  LineChart chart;
  chart.title = "loss";
  chart.series = {{"train", {{1, 4}, {2, 3}, {3, std::nan("")}, {4, 2}, {5, 1}}, LineStyle(0)}};
  const Svg svg = DrawLineChart(chart);
  ExpectSound(svg);
  EXPECT_EQ(CountOf(svg.Inline(), "<polyline"), 2U);
  EXPECT_EQ(CountOf(svg.Inline(), "<circle"), 4U);
  EXPECT_THAT(svg.Inline(), HasSubstr(">train</text>"));
}

TEST(LineChart, OneEpochIsADot) {
  LineChart chart;
  chart.series = {{"train", {{1, 4}}, LineStyle(0)}};
  chart.marked_x = 1;
  chart.mark = "best: 1";
  const Svg svg = DrawLineChart(chart);
  ExpectSound(svg);
  EXPECT_EQ(CountOf(svg.Inline(), "<polyline"), 0U);
  EXPECT_GE(CountOf(svg.Inline(), "<circle"), 1U);
  EXPECT_THAT(svg.Inline(), HasSubstr("best: 1"));
}

TEST(LineChart, NothingToDrawIsSaid) {
  LineChart chart;
  chart.title = kEvil;
  EXPECT_THAT(DrawLineChart(chart).Inline(), HasSubstr("nothing was reported"));
  chart.series = {{kEvil, {{1, std::nan("")}}, LineStyle(0)}};
  ExpectSound(DrawLineChart(chart));
  EXPECT_THAT(DrawLineChart(chart).Inline(), HasSubstr("nothing was reported"));
}

TEST(LineChart, AWideRangeIsLogarithmic) {
  LineChart chart;
  chart.series = {{"loss", {{1, 1000}, {2, 10}, {3, 1}}, LineStyle(0)}};
  // Equal factors are equal distances: the middle value of 1, 10, 100 lies in the middle.
  const std::string text = DrawLineChart(chart).Inline();
  EXPECT_THAT(text, AllOf(HasSubstr(">1000</text>"), HasSubstr(">1</text>")));
}

TEST(Bars, AreAsLongAsTheirValues) {
  const std::string text =
      DrawBars({{"half", 0.5, "50 %"}, {"whole", 1, "100 %"}, {"none", std::nan(""), "?"}}, "t")
          .Inline();
  EXPECT_EQ(MarkupTrouble(text), "");
  const auto width_of = [&](const std::string& name) {
    const size_t end = text.find(StrCat("<title>", name, "</title>"));
    const size_t at = text.rfind("width=\"", end) + 7;
    return std::stod(text.substr(at));
  };
  EXPECT_NEAR(width_of("whole"), 2 * width_of("half"), 0.02);
  EXPECT_EQ(width_of("none"), 0);
  EXPECT_THAT(DrawBars({}, "t").Inline(), HasSubstr("nothing to show"));
  ExpectSound(DrawBars({{kEvil, 0, kEvil}}, kEvil));
}

TEST(Gaps, ShowTheDifferenceWithItsSign) {
  const Svg svg =
      DrawGaps({{"over", 0.9, 0.6}, {"under", 0.5, 0.55}, {"nan", std::nan(""), 0.5}}, "gaps");
  ExpectSound(svg);
  EXPECT_THAT(svg.Inline(), AllOf(HasSubstr("+0.300"), HasSubstr("-0.050")));
  EXPECT_THAT(svg.Inline(), Not(HasSubstr(">nan<")));  // the row is left out
  EXPECT_THAT(DrawGaps({}, "gaps").Inline(), HasSubstr("no trial reported both"));
  ExpectSound(DrawGaps({{kEvil, 0.5, 0.5}}, kEvil));
}

std::vector<Parameter> Space() {
  return {{"learning_rate", FloatDomain{.low = 1e-4, .high = 1e-1, .log = true, .step = {}}, {}},
          {"pooling", CategoricalDomain{{std::string("avg"), std::string("max")}}, {}},
          {"dense", CategoricalDomain{{IntList{}, IntList{128, 64}}}, {}},
          {"epochs", IntDomain{.low = 5, .high = 5}, {}}};
}

TrialPoint Point1(int64_t number, double score) {
  return {number,
          number == 1 ? kEvil : "",
          {{"learning_rate", 1e-3}, {"pooling", std::string("avg")}, {"epochs", int64_t{5}}},
          score};
}

TEST(ParallelCoordinates, HaveALineATrialAndAnAxisAParameter) {
  std::vector<TrialPoint> trials;
  for (int i = 1; i <= 5; ++i) trials.push_back(Point1(i, 0.1 * i));
  trials[0].configuration["dense"] = IntList{128, 64};
  const Svg svg = DrawParallelCoordinates(Space(), trials, Direction::kMaximize, "val_accuracy");
  ExpectSound(svg);
  const std::string text = svg.Inline();
  EXPECT_EQ(CountOf(text, "<polyline"), 5U);
  for (const char* name : {"learning_rate", "pooling", "dense", "epochs", "val_accuracy"}) {
    EXPECT_THAT(text, HasSubstr(StrCat(">", name, "</text>")));
  }
  EXPECT_THAT(text, HasSubstr("not set"));  // dense, of four of them
  // The best is drawn last and thick.
  EXPECT_THAT(text.substr(text.rfind("<polyline")), HasSubstr("trial 5: val_accuracy 0.5000"));
}

TEST(ParallelCoordinates, TheBestIsOnTopWhicheverWayIsBetter) {
  const std::vector<TrialPoint> trials = {Point1(2, 0.25), Point1(3, 0.75)};
  const auto last_y = [&](Direction direction) {
    const std::string text = DrawParallelCoordinates(Space(), trials, direction, "m").Inline();
    const size_t at = text.rfind("<polyline");
    const std::string points = text.substr(at, text.find("\" fill", at) - at);
    return std::pair(std::stod(points.substr(points.rfind(',') + 1)),
                     text.substr(text.find("<title>", at), 20));
  };
  const auto [low_y, low_title] = last_y(Direction::kMinimize);
  const auto [high_y, high_title] = last_y(Direction::kMaximize);
  EXPECT_THAT(low_title, HasSubstr("trial 2"));
  EXPECT_THAT(high_title, HasSubstr("trial 3"));
  EXPECT_EQ(low_y, high_y);
}

TEST(ParallelCoordinates, DegenerateStudies) {
  ExpectSound(DrawParallelCoordinates({}, {}, Direction::kMaximize, kEvil));
  ExpectSound(DrawParallelCoordinates(Space(), {}, Direction::kMaximize, "m"));
  ExpectSound(DrawParallelCoordinates(Space(), {Point1(1, 0.5)}, Direction::kMinimize, "m"));
  std::vector<Parameter> words = {{kEvil, CategoricalDomain{{std::string(kEvil)}}, {}}};
  ExpectSound(DrawParallelCoordinates(words, {{1, "", {{kEvil, std::string(kEvil)}}, 1}},
                                      Direction::kMinimize, "m"));
}

TEST(Slice, HasADotForEachTrialWithTheParameter) {
  std::vector<TrialPoint> trials;
  for (int i = 1; i <= 9; ++i) trials.push_back(Point1(i, 0.1 * i));
  trials[3].configuration.erase("pooling");
  trials[4].configuration["pooling"] = int64_t{3};  // no word of the domain
  const Svg svg = DrawSlice(Space()[1], trials, Direction::kMaximize, "val_accuracy");
  ExpectSound(svg);
  EXPECT_EQ(CountOf(svg.Inline(), "<circle"), 7U);
  EXPECT_THAT(svg.Inline(), HasSubstr(">avg</text>"));
  EXPECT_EQ(DrawSlice(Space()[1], trials, Direction::kMaximize, "m").Inline(),
            DrawSlice(Space()[1], trials, Direction::kMaximize, "m").Inline());
}

TEST(Slice, LogarithmicParametersSaySo) {
  const Svg svg =
      DrawSlice(Space()[0], {Point1(1, 0.5), Point1(2, 0.5)}, Direction::kMaximize, "m");
  ExpectSound(svg);
  EXPECT_THAT(svg.Inline(), HasSubstr("logarithmic"));
  ExpectSound(DrawSlice(Space()[3], {Point1(1, 0.5)}, Direction::kMaximize, "m"));
  EXPECT_THAT(DrawSlice(Space()[2], {Point1(1, 0.5)}, Direction::kMaximize, "m").Inline(),
              HasSubstr("no scored trial has it"));
}

TEST(Confusion, FewClassesShowTheirNumbers) {
  const Svg svg = DrawConfusion({"beagle", kEvil}, {{8, 2}, {0, 5}}, "matrix");
  ExpectSound(svg);
  EXPECT_THAT(svg.Inline(), AllOf(HasSubstr(">8</text>"), HasSubstr(">2</text>"),
                                  HasSubstr("beagle recognised: 8 of 10")));
}

TEST(Confusion, NamesOf120ClassesCanBeRead) {
  std::vector<std::string> classes;
  std::vector<std::vector<int64_t>> rows(120, std::vector<int64_t>(120));
  for (int i = 0; i < 120; ++i) {
    classes.push_back(StrCat("black-and-tan_coonhound ", i));
    rows[i][i] = 6;
  }
  rows[3][17] = 1;
  const Svg svg = DrawConfusion(classes, rows, "matrix");
  ExpectSound(svg);
  const std::string text = svg.Inline();
  for (const std::string& name : classes)
    EXPECT_EQ(CountOf(text, StrCat(">", name, "</text>")), 2U);
  EXPECT_EQ(text.find("font-size=\"7"), std::string::npos);
  EXPECT_LT(svg.width(), 1400);
  // Wrong squares have another colour than right ones.
  EXPECT_THAT(text, HasSubstr("taken for black-and-tan_coonhound 17: 1 of 7"));
  // Only squares with photos are drawn.
  EXPECT_LT(CountOf(text, "<rect"), 200U);
}

TEST(Confusion, NoClasses) { ExpectSound(DrawConfusion({}, {}, "matrix")); }

}  // namespace
}  // namespace vizsla
