#include <algorithm>
#include <numeric>

#include "src/base/str_cat.h"
#include "src/report/chart_frame.h"
#include "src/report/charts.h"
#include "src/report/text.h"

namespace vizsla {
namespace {

constexpr double kWholeSize = 620;  // of the squares, when there are few classes
constexpr double kSmallestCell = 9;
constexpr double kLargestCell = 54;
constexpr double kCellWithNumber = 18;
constexpr int kNameColumns = 30;

}  // namespace

Svg DrawConfusion(const std::vector<std::string>& classes,
                  const std::vector<std::vector<int64_t>>& rows, const std::string& title) {
  const double count = static_cast<double>(std::max<size_t>(classes.size(), 1));
  const double cell = std::clamp(kWholeSize / count, kSmallestCell, kLargestCell);
  const double font = std::clamp(cell - 1, 8.0, 12.0);
  double names = 40;
  for (const std::string& name : classes) {
    names = std::max(names, TextWidth(Truncate(name, kNameColumns), font) + 14);
  }
  const double left = names + 22;
  const double top = 36 + names;
  const double side = cell * count;
  Svg svg(left + side + 16, top + side + 16, title);
  DrawTitle(svg, 8, 6, title);
  const PlotArea area = {left, top, left + side, top + side};
  svg.Text({left + side / 2, 36}, "predicted",
           {.size = kLabelSize, .color = kMutedInk, .anchor = TextAnchor::kMiddle});
  svg.Text({16, top + side / 2}, "true",
           {.size = kLabelSize, .color = kMutedInk, .anchor = TextAnchor::kMiddle, .rotate = -90});
  if (classes.empty()) {
    DrawNothing(svg, area, "no classes");
    return svg;
  }

  const double baseline = font * 0.36;
  for (size_t i = 0; i < classes.size(); ++i) {
    const double middle = (static_cast<double>(i) + 0.5) * cell;
    const std::string name = Truncate(classes[i], kNameColumns);
    // Every other row on a ground of its own leads the eye from name to square.
    if (i % 2 == 0) svg.Rectangle({left, top + middle - cell / 2}, side, cell, "#f4f6f8");
    svg.Text({left - 6, top + middle + baseline}, name,
             {.size = font, .color = "", .anchor = TextAnchor::kEnd});
    svg.Text({left + middle + baseline, top - 6}, name, {.size = font, .color = "", .rotate = -90});
  }
  const int grid_step = cell < kCellWithNumber ? 10 : 1;
  for (size_t i = 0; i <= classes.size(); i += static_cast<size_t>(grid_step)) {
    const double at = static_cast<double>(i) * cell;
    svg.Line({left + at, top}, {left + at, top + side}, {kGridInk, 0.7, 1, ""});
    svg.Line({left, top + at}, {left + side, top + at}, {kGridInk, 0.7, 1, ""});
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    const int64_t total = std::accumulate(rows[i].begin(), rows[i].end(), int64_t{0});
    for (size_t j = 0; j < rows[i].size(); ++j) {
      const int64_t photos = rows[i][j];
      if (photos == 0) continue;
      const double share = static_cast<double>(photos) / static_cast<double>(total);
      const double strength = 0.22 + 0.78 * share;
      const std::string color = i == j ? MixColors("#ffffff", kValidationColor, strength)
                                       : MixColors("#ffffff", kWarningColor, strength);
      const Point corner = {left + static_cast<double>(j) * cell,
                            top + static_cast<double>(i) * cell};
      svg.Rectangle(
          {corner.x + 0.5, corner.y + 0.5}, cell - 1, cell - 1, color,
          StrCat(classes[i], i == j ? " recognised: " : StrCat(" taken for ", classes[j], ": "),
                 photos, " of ", total));
      if (cell >= kCellWithNumber) {
        svg.Text(
            {corner.x + cell / 2, corner.y + cell / 2 + 4}, StrCat(photos),
            {.size = 11, .color = strength > 0.6 ? "#ffffff" : "", .anchor = TextAnchor::kMiddle});
      }
    }
  }
  return svg;
}

}  // namespace vizsla
