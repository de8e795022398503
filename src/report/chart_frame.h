// What the charts share: axes with ticks, grid lines and labels, and legends.
#pragma once

#include <string>
#include <vector>

#include "src/report/axis.h"
#include "src/report/svg.h"

namespace vizsla {

inline constexpr double kTickSize = 11;
inline constexpr double kLabelSize = 12;
inline constexpr double kTitleSize = 14;

// Where a chart's data stand; y grows downwards.
struct PlotArea {
  double left = 0;
  double top = 0;
  double right = 0;
  double bottom = 0;
};

// Title at the chart's top left.
void DrawTitle(Svg& svg, double left, double top, std::string_view title);

// Light horizontal grid lines with the values at the left.
void DrawYAxis(Svg& svg, const PlotArea& area, const Axis& y, int wanted_ticks = 5);
// The base line with ticks, values and a label below.
void DrawXAxis(Svg& svg, const PlotArea& area, const Axis& x, std::string_view label,
               int wanted_ticks = 6, bool whole_numbers = false);

// In the middle of the area, for a chart without data.
void DrawNothing(Svg& svg, const PlotArea& area, std::string_view why);

struct LegendEntry {
  std::string text;
  Stroke stroke;
};
// In rows from (left, top) that are at most `width` wide; the height that it took.
double DrawLegend(Svg& svg, double left, double top, double width,
                  const std::vector<LegendEntry>& entries);
// The height that DrawLegend will take.
double LegendHeight(double width, const std::vector<LegendEntry>& entries);

}  // namespace vizsla
