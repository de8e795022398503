#include "src/report/chart_frame.h"

#include <cmath>

namespace vizsla {
namespace {

constexpr double kLegendRow = 18;
constexpr double kSample = 20;  // length of a legend's line

double EntryWidth(const LegendEntry& entry) {
  return kSample + 6 + TextWidth(entry.text, kLabelSize) + 16;
}

// Calls place(entry, x, row) for each; returns the number of rows.
template <typename Place>
int LayOut(double width, const std::vector<LegendEntry>& entries, Place place) {
  double x = 0;
  int row = 0;
  for (const LegendEntry& entry : entries) {
    const double needed = EntryWidth(entry);
    if (x > 0 && x + needed > width) {
      x = 0;
      ++row;
    }
    place(entry, x, row);
    x += needed;
  }
  return entries.empty() ? 0 : row + 1;
}

}  // namespace

void DrawTitle(Svg& svg, double left, double top, std::string_view title) {
  svg.Text({left, top + kTitleSize}, title, {.size = kTitleSize, .color = "", .bold = true});
}

void DrawYAxis(Svg& svg, const PlotArea& area, const Axis& y, int wanted_ticks) {
  for (const Tick& tick : y.Ticks(wanted_ticks)) {
    const double at = y.Map(tick.value);
    svg.Line({area.left, at}, {area.right, at}, {kGridInk, 1, 1, ""});
    svg.Text({area.left - 7, at + 4}, tick.text,
             {.size = kTickSize, .color = kMutedInk, .anchor = TextAnchor::kEnd});
  }
}

void DrawXAxis(Svg& svg, const PlotArea& area, const Axis& x, std::string_view label,
               int wanted_ticks, bool whole_numbers) {
  svg.Line({area.left, area.bottom}, {area.right, area.bottom}, {"#9aa5b1", 1, 1, ""});
  for (const Tick& tick : x.Ticks(wanted_ticks)) {
    if (whole_numbers && tick.value != std::floor(tick.value)) continue;
    const double at = x.Map(tick.value);
    svg.Line({at, area.bottom}, {at, area.bottom + 4}, {"#9aa5b1", 1, 1, ""});
    svg.Text({at, area.bottom + 17}, tick.text,
             {.size = kTickSize, .color = kMutedInk, .anchor = TextAnchor::kMiddle});
  }
  svg.Text({(area.left + area.right) / 2, area.bottom + 34}, label,
           {.size = kLabelSize, .color = kMutedInk, .anchor = TextAnchor::kMiddle});
}

void DrawNothing(Svg& svg, const PlotArea& area, std::string_view why) {
  svg.Rectangle({area.left, area.top}, area.right - area.left, area.bottom - area.top, "#f5f7f9");
  svg.Text({(area.left + area.right) / 2, (area.top + area.bottom) / 2 + 4}, why,
           {.size = kLabelSize, .color = kMutedInk, .anchor = TextAnchor::kMiddle});
}

double DrawLegend(Svg& svg, double left, double top, double width,
                  const std::vector<LegendEntry>& entries) {
  const int rows = LayOut(width, entries, [&](const LegendEntry& entry, double x, int row) {
    const double y = top + row * kLegendRow + kLegendRow / 2;
    svg.Line({left + x, y}, {left + x + kSample, y},
             {entry.stroke.color, 2.5, 1, entry.stroke.dash});
    svg.Text({left + x + kSample + 6, y + 4}, entry.text, {.size = kLabelSize, .color = ""});
  });
  return rows * kLegendRow;
}

double LegendHeight(double width, const std::vector<LegendEntry>& entries) {
  return LayOut(width, entries, [](const LegendEntry&, double, int) {}) * kLegendRow;
}

}  // namespace vizsla
