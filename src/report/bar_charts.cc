#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "src/report/axis.h"
#include "src/report/chart_frame.h"
#include "src/report/charts.h"
#include "src/report/text.h"

namespace vizsla {
namespace {

constexpr double kWidth = 960;
constexpr double kRow = 24;
constexpr int kNameColumns = 46;

// Room for the row names at the left, within reason.
template <typename Row>
double NameMargin(const std::vector<Row>& rows) {
  double margin = 60;
  for (const Row& row : rows) {
    margin = std::max(margin, TextWidth(Truncate(row.name, kNameColumns), kLabelSize) + 18);
  }
  return margin;
}

void DrawName(Svg& svg, const PlotArea& area, double y, std::string_view name) {
  svg.Text({area.left - 9, y + 4}, Truncate(name, kNameColumns),
           {.size = kLabelSize, .color = "", .anchor = TextAnchor::kEnd});
}

void DrawVerticalGrid(Svg& svg, const PlotArea& area, const Axis& x) {
  for (const Tick& tick : x.Ticks(6)) {
    const double at = x.Map(tick.value);
    svg.Line({at, area.top}, {at, area.bottom}, {kGridInk, 1, 1, ""});
    svg.Text({at, area.bottom + 15}, tick.text,
             {.size = kTickSize, .color = kMutedInk, .anchor = TextAnchor::kMiddle});
  }
}

}  // namespace

Svg DrawBars(const std::vector<Bar>& bars, const std::string& title) {
  const double height = 40 + kRow * static_cast<double>(bars.size()) + 24;
  Svg svg(kWidth, height, title);
  DrawTitle(svg, 8, 6, title);
  const PlotArea area = {NameMargin(bars), 34, kWidth - 70, height - 24};
  double largest = 0;
  for (const Bar& bar : bars) {
    if (std::isfinite(bar.value)) largest = std::max(largest, bar.value);
  }
  if (largest <= 0) {
    DrawNothing(svg, area, "nothing to show");
    return svg;
  }
  const Axis x(0, largest, area.left, area.right);
  DrawVerticalGrid(svg, area, x);
  double y = area.top + kRow / 2;
  for (const Bar& bar : bars) {
    DrawName(svg, area, y, bar.name);
    const double end = std::isfinite(bar.value) ? x.Map(std::max(bar.value, 0.0)) : area.left;
    svg.Rectangle({area.left, y - 7}, end - area.left, 14, kValidationColor, bar.name);
    svg.Text({end + 6, y + 4}, bar.text, {.size = kLabelSize, .color = ""});
    y += kRow;
  }
  return svg;
}

Svg DrawGaps(const std::vector<GapRow>& rows, const std::string& title) {
  std::vector<GapRow> finite;
  for (const GapRow& row : rows) {
    if (std::isfinite(row.train) && std::isfinite(row.validation)) finite.push_back(row);
  }
  const double height = 62 + kRow * static_cast<double>(std::max<size_t>(finite.size(), 2)) + 42;
  Svg svg(kWidth, height, title);
  DrawTitle(svg, 8, 6, title);
  DrawLegend(svg, 8, 28, kWidth,
             {{"train accuracy", {kTrainColor, 2, 1, ""}},
              {"validation accuracy", {kValidationColor, 2, 1, ""}}});
  const PlotArea area = {NameMargin(finite), 56, kWidth - 70, height - 42};
  if (finite.empty()) {
    DrawNothing(svg, area, "no trial reported both accuracies");
    return svg;
  }
  std::vector<double> values;
  for (const GapRow& row : finite) {
    values.push_back(row.train);
    values.push_back(row.validation);
  }
  const Range range = Padded(RangeOf(values));
  const Axis x(range.low, range.high, area.left, area.right);
  DrawVerticalGrid(svg, area, x);
  double y = area.top + kRow / 2;
  for (const GapRow& row : finite) {
    const double gap = row.train - row.validation;
    // Train above validation is over-fitting; the other way round dropout and augmentation held
    // train back.
    const std::string color = gap > 0 ? kWarningColor : "#009e73";
    DrawName(svg, area, y, row.name);
    svg.Line({x.Map(row.train), y}, {x.Map(row.validation), y}, {color, 3, 0.35, ""});
    svg.Circle({x.Map(row.train), y}, 5, kTrainColor, "train " + FormatMetric(row.train));
    svg.Circle({x.Map(row.validation), y}, 5, kValidationColor,
               "validation " + FormatMetric(row.validation));
    svg.Text({area.right + 10, y + 4}, absl::StrFormat("%+.3f", gap),
             {.size = kLabelSize, .color = color, .bold = true});
    y += kRow;
  }
  svg.Text({(area.left + area.right) / 2, area.bottom + 33}, "accuracy at the chosen epoch",
           {.size = kLabelSize, .color = kMutedInk, .anchor = TextAnchor::kMiddle});
  svg.Text({area.right + 10, area.top - 8}, "gap", {.size = kTickSize, .color = kMutedInk});
  return svg;
}

}  // namespace vizsla
