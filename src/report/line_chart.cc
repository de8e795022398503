#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "src/base/str_cat.h"
#include "src/report/axis.h"
#include "src/report/chart_frame.h"
#include "src/report/charts.h"
#include "src/report/text.h"

namespace vizsla {
namespace {

constexpr double kLogFactor = 30;
constexpr size_t kPointsWithDots = 15;  // longer lines show their run well enough without
constexpr double kGapBetween = 28;

Axis YAxisOf(const std::vector<double>& values, const PlotArea& area) {
  const Range range = RangeOf(values);
  if (range.low > 0 && range.high > kLogFactor * range.low) {
    return Axis(range.low / 1.1, range.high * 1.1, area.bottom, area.top, /*log=*/true);
  }
  const Range padded = Padded(range, 0.06);
  return Axis(padded.low, padded.high, area.bottom, area.top);
}

void DrawSeries(Svg& svg, const LineSeries& series, const Axis& x, const Axis& y) {
  std::vector<Point> run;
  const auto flush = [&] {
    svg.Polyline(run, series.stroke, series.name);
    if (run.size() == 1) svg.Circle(run[0], 2.6, series.stroke.color, series.name);
    run.clear();
  };
  for (const Point& point : series.points) {
    if (!std::isfinite(point.y)) {
      flush();
      continue;
    }
    run.push_back({x.Map(point.x), y.Map(point.y)});
  }
  flush();
  if (series.points.size() > kPointsWithDots) return;
  for (const Point& point : series.points) {
    if (!std::isfinite(point.y)) continue;
    svg.Circle({x.Map(point.x), y.Map(point.y)}, 2.2, series.stroke.color,
               StrCat(series.name, ": ", FormatMetric(point.y), " at ", ShortNumber(point.x)));
  }
}

void DrawMark(Svg& svg, const LineChart& chart, const PlotArea& area, const Axis& x) {
  if (!chart.marked_x.has_value()) return;
  const double at = x.Map(*chart.marked_x);
  svg.Line({at, area.top}, {at, area.bottom}, {kMutedInk, 1, 0.8, "2 3"});
  if (chart.mark.empty()) return;
  const bool right = at + TextWidth(chart.mark, kTickSize) + 8 < area.right;
  svg.Text({right ? at + 4 : at - 4, area.top + 10}, chart.mark,
           {.size = kTickSize,
            .color = kMutedInk,
            .anchor = right ? TextAnchor::kStart : TextAnchor::kEnd});
}

// Into a picture whose part from `left` on belongs to the chart.
void DrawInto(Svg& svg, const LineChart& chart, double left) {
  std::vector<LegendEntry> legend;
  for (const LineSeries& series : chart.series) legend.push_back({series.name, series.stroke});
  DrawTitle(svg, left + 8, 6, chart.title);
  const double legend_height = DrawLegend(svg, left + 8, 28, chart.width - 16, legend);

  std::vector<double> xs;
  std::vector<double> ys;
  for (const LineSeries& series : chart.series) {
    for (const Point& point : series.points) {
      xs.push_back(point.x);
      if (std::isfinite(point.y)) ys.push_back(point.y);
    }
  }
  const PlotArea area = {left + 56, 36 + legend_height, left + chart.width - 14, chart.height - 42};
  if (ys.empty()) {
    DrawNothing(svg, area, "nothing was reported");
    return;
  }
  const Axis y = YAxisOf(ys, area);
  const Range x_range = RangeOf(xs);
  const Axis x(x_range.low, x_range.high, area.left, area.right);
  DrawYAxis(svg, area, y);
  DrawXAxis(svg, area, x, chart.x_label, 8, /*whole_numbers=*/true);
  DrawMark(svg, chart, area, x);
  for (auto series = chart.series.rbegin(); series != chart.series.rend(); ++series) {
    DrawSeries(svg, *series, x, y);
  }
}

}  // namespace

Svg DrawLineChart(const LineChart& chart) {
  Svg svg(chart.width, chart.height, chart.title);
  DrawInto(svg, chart, 0);
  return svg;
}

Svg DrawLineCharts(const std::vector<LineChart>& charts, const std::string& title) {
  double width = 0;
  double height = 0;
  for (const LineChart& chart : charts) {
    width += chart.width + (width > 0 ? kGapBetween : 0);
    height = std::max(height, chart.height);
  }
  Svg svg(width, height, title);
  double left = 0;
  for (const LineChart& chart : charts) {
    DrawInto(svg, chart, left);
    left += chart.width + kGapBetween;
  }
  return svg;
}

}  // namespace vizsla
