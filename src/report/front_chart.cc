#include "src/report/front_chart.h"

#include <algorithm>

#include "src/base/str_cat.h"
#include "src/report/axis.h"
#include "src/report/chart_frame.h"
#include "src/report/report_sections.h"
#include "src/report/text.h"

namespace vizsla {
namespace {

constexpr double kWidth = 600;
constexpr double kHeight = 340;
constexpr double kLogFrom = 30;  // a wider span gets a logarithmic axis
constexpr char kDominatedColor[] = "#9aa5b1";

struct Dot {
  const LeaderboardRowView* row;
  double x;
  double y;
};

Axis AxisOf(const std::vector<double>& values, double from, double to) {
  const Range range = RangeOf(values);
  if (range.low > 0 && range.high > kLogFrom * range.low) {
    return Axis(range.low / 1.2, range.high * 1.2, from, to, /*log=*/true);
  }
  const Range padded = Padded(range);
  return Axis(padded.low, padded.high, from, to);
}

std::string TooltipOf(const Objective& objective, const Trial& trial) {
  std::string text =
      StrCat(TrialLabel(trial), ": ", objective.metric, " ", FormatMetric(trial.score));
  for (size_t i = 0; i < objective.further.size(); ++i) {
    absl::StrAppend(&text, ", ", objective.further[i].metric, " ",
                    FormatMetric(trial.further_values[i]));
  }
  return text;
}

}  // namespace

Svg DrawFront(const LeaderboardView& board, size_t further) {
  const Objective& objective = board.study.study.spec.objective;
  const std::string& cost = objective.further[further].metric;
  Svg svg(kWidth, kHeight, StrCat(objective.metric, " against ", cost));
  DrawTitle(svg, 8, 6, StrCat(objective.metric, " against ", cost));
  const PlotArea area = {62, 60, kWidth - 16, kHeight - 46};
  std::vector<Dot> dots;
  std::vector<double> xs;
  std::vector<double> ys;
  for (const LeaderboardRowView& row : board.rows) {
    if (row.front == 0 || row.trial.further_values.size() != objective.further.size()) continue;
    dots.push_back({&row, row.trial.further_values[further], row.trial.score.value_or(0)});
    xs.push_back(dots.back().x);
    ys.push_back(dots.back().y);
  }
  if (dots.empty()) {
    DrawNothing(svg, area, "no trial has values of all objectives yet");
    return svg;
  }
  const std::string front_color = LineStyle(0).color;
  DrawLegend(
      svg, area.left, 30, area.right - area.left,
      {{"Pareto front", {front_color, 1, 1, ""}}, {"dominated", {kDominatedColor, 1, 1, ""}}});
  const Axis x = AxisOf(xs, area.left, area.right);
  const Axis y = AxisOf(ys, area.bottom, area.top);
  DrawYAxis(svg, area, y);
  DrawXAxis(svg, area, x, x.log() ? StrCat(cost, ", logarithmic") : cost);
  std::vector<Point> line;
  for (const Dot& dot : dots) {
    if (dot.row->front == 1) line.push_back({x.Map(dot.x), y.Map(dot.y)});
  }
  std::sort(line.begin(), line.end(), [](const Point& a, const Point& b) { return a.x < b.x; });
  // Of more than two objectives the front is no line.
  if (objective.further.size() == 1) svg.Polyline(line, {front_color, 1.5, 0.6, "5 3"});
  for (const bool front : {false, true}) {  // the front on top
    for (const Dot& dot : dots) {
      if ((dot.row->front == 1) != front) continue;
      svg.Circle({x.Map(dot.x), y.Map(dot.y)}, front ? 5 : 4, front ? front_color : kDominatedColor,
                 TooltipOf(objective, dot.row->trial), 0.85);
    }
  }
  return svg;
}

HtmlSection FrontSection(const LeaderboardView& board) {
  HtmlSection section{"front", "Pareto front", "", {}};
  const Objective& objective = board.study.study.spec.objective;
  if (objective.further.empty()) return section;
  section.html = ParagraphHtml(
      "No trial is better than one of the front in every objective. The line joins the front's "
      "trials; it is no prediction.",
      "muted small");
  for (size_t i = 0; i < objective.further.size(); ++i) {
    section.pictures.push_back(
        {StrCat("front-", objective.further[i].metric), DrawFront(board, i)});
    section.html += FigureHtml(section.pictures.back());
  }
  return section;
}

}  // namespace vizsla
