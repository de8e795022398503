#include "src/report/curves.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "src/report/text.h"

namespace vizsla {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::Le;
using testing::Not;
using testing::StartsWith;

EpochReport Epoch(int epoch, Metrics metrics) {
  EpochReport report;
  report.epoch = epoch;
  report.metrics = std::move(metrics);
  return report;
}

std::vector<EpochReport> Falling(int count) {
  std::vector<EpochReport> epochs;
  for (int i = 1; i <= count; ++i) {
    epochs.push_back(Epoch(i, {{"train_loss", 2.0 / i},
                               {"val_loss", 1.0 + 1.0 / i},
                               {"train_accuracy", 1 - 1.0 / i},
                               {"val_accuracy", 0.5 - 0.5 / i}}));
  }
  return epochs;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(Curves, DrawsALineInAscii) {
  // A straight line from the lower left to the upper right corner.
  std::vector<EpochReport> epochs;
  for (int i = 1; i <= 3; ++i) epochs.push_back(Epoch(i, {{"val_accuracy", 0.1 * i}}));
  EXPECT_EQ(RenderCurves(epochs, 3, {.width = 30, .height = 5, .unicode = false}),
            "accuracy   * validation\n"
            "    0.3 +                  ***\n"
            "        |             *****\n"
            "    0.2 +        *****\n"
            "        |   *****\n"
            "    0.1 +***\n"
            "        +--------------------^\n"
            "         1         2         3\n"
            "\n"
            "^ epoch 3 is the best, whose weights are kept\n");
}

TEST(Curves, BrailleDotsStandWhereTheValuesAre) {
  // Four rows of dots in each of three lines: 0.2 falls on the last dot, 1 on the first.
  const std::vector<EpochReport> epochs = {Epoch(1, {{"val_accuracy", 0.2}}),
                                           Epoch(2, {{"val_accuracy", 1.0}})};
  const std::vector<std::string> lines =
      Lines(RenderCurves(epochs, 0, {.width = 30, .height = 3, .unicode = true}));
  EXPECT_THAT(lines[1], testing::EndsWith("⠉"));  // both dots of the top
  EXPECT_THAT(lines[3], testing::HasSubstr("⣀"));
  EXPECT_THAT(lines[4], HasSubstr("└──"));
  EXPECT_THAT(lines[4], Not(HasSubstr("▲")));  // no best epoch
}

TEST(Curves, FitsTheWidthWithLossAndAccuracy) {
  for (const bool unicode : {false, true}) {
    for (const int width : {1, 30, 57, 120}) {
      const std::string text =
          RenderCurves(Falling(40), 12, {.width = width, .height = 8, .unicode = unicode});
      EXPECT_THAT(text, StartsWith("loss"));
      EXPECT_THAT(text, HasSubstr("\naccuracy"));
      for (const std::string& line : Lines(text)) {
        // The legend and the last sentence are words, not plots.
        if (line.find("validation") != std::string::npos ||
            line.find("best") != std::string::npos) {
          continue;
        }
        EXPECT_LE(DisplayWidth(line), std::max(width, 30)) << line;
        EXPECT_THAT(line, Not(testing::EndsWith(" ")));
      }
    }
  }
}

TEST(Curves, AsciiIsAsciiAndColourlessIsColourless) {
  const std::string ascii = RenderCurves(Falling(9), 3, {.width = 60, .unicode = false});
  for (const char c : ascii) EXPECT_TRUE(c == '\n' || (c >= ' ' && c <= '~'));
  EXPECT_THAT(ascii, HasSubstr("* validation   o train"));
  EXPECT_THAT(RenderCurves(Falling(9), 3, {.width = 60}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(RenderCurves(Falling(9), 3, {.width = 60, .color = true}), HasSubstr("\x1b["));
}

TEST(Curves, WithoutColourTrainIsDotted) {
  std::vector<EpochReport> flat;
  for (int i = 1; i <= 2; ++i) {
    flat.push_back(Epoch(i, {{"train_accuracy", 0.2}, {"val_accuracy", 0.8}}));
  }
  const std::string plain = RenderCurves(flat, 0, {.width = 60, .height = 4, .unicode = false});
  const std::string tinted =
      RenderCurves(flat, 0, {.width = 60, .height = 4, .unicode = false, .color = true});
  const auto count = [](const std::string& text, char c) {
    return std::count(text.begin(), text.end(), c);
  };
  EXPECT_GT(count(plain, '*'), 2 * count(plain, 'o'));
  EXPECT_GT(count(tinted, 'o'), 40);
}

TEST(Curves, WideRangesAreLogarithmicAndSaid) {
  std::vector<EpochReport> epochs = Falling(5);
  EXPECT_THAT(RenderCurves(epochs, 0, {}), Not(HasSubstr("logarithmic")));
  epochs[0].metrics["train_loss"] = 400;
  EXPECT_THAT(RenderCurves(epochs, 0, {}), StartsWith("loss (logarithmic)"));
}

TEST(Curves, DegenerateTrials) {
  EXPECT_EQ(RenderCurves({}, 0, {}), "No epoch has been reported yet.\n");
  const std::vector<EpochReport> broken = {
      Epoch(1, {{"train_loss", std::nan("")}, {"val_loss", INFINITY}, {"val_f1", 0.5}})};
  EXPECT_EQ(RenderCurves(broken, 0, {}), "No finite loss or accuracy has been reported.\n");
  // One epoch, one value; an epoch in between that is NaN; the best epoch not among the reports.
  EXPECT_THAT(RenderCurves(std::vector{Epoch(1, {{"val_loss", 0.0}})}, 1, {}), HasSubstr("▲"));
  std::vector<EpochReport> gap = Falling(3);
  gap[1].metrics["val_loss"] = std::nan("");
  EXPECT_THAT(RenderCurves(gap, 99, {}), StartsWith("loss"));
}

}  // namespace
}  // namespace vizsla
