// The report's charts of one study, as SVG. Pure. Values that are not finite are left out; where
// nothing is left, the chart says so in its middle.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/report/board_parameters.h"
#include "src/report/svg.h"
#include "src/study/configuration.h"
#include "src/study/objective.h"

namespace vizsla {

struct LineSeries {
  std::string name;
  std::vector<Point> points;  // by x; a value that is not finite breaks the line
  Stroke stroke;
};

struct LineChart {
  std::string title;
  std::string x_label;
  std::vector<LineSeries> series;
  std::optional<double> marked_x;  // the selected epoch: a vertical line
  std::string mark;                // its words
  double width = 600;
  double height = 290;
};

// Lines over a common x with a legend above. Positive values that span more than a factor of 30
// get a logarithmic axis.
Svg DrawLineChart(const LineChart& chart);

// Two charts side by side as one picture, each with its own axes.
Svg DrawLineCharts(const std::vector<LineChart>& charts, const std::string& title);

struct Bar {
  std::string name;
  double value = 0;
  std::string text;  // at its end
};
// Horizontal bars from 0, the first on top.
Svg DrawBars(const std::vector<Bar>& bars, const std::string& title);

// One trial of the over-fitting chart.
struct GapRow {
  std::string name;
  double train = 0;
  double validation = 0;
};
// Train and validation accuracy as two dots a row, joined by their gap, which stands beside.
Svg DrawGaps(const std::vector<GapRow>& rows, const std::string& title);

// One trial as the parameter charts see it.
struct TrialPoint {
  int64_t number = 0;
  std::string name;
  Configuration configuration;
  double score = 0;  // finite
};

// How scores become colours: the worst is dark violet, the best yellow-green, whichever direction
// is better. Yellow itself is too light on white.
class ScoreColors {
 public:
  ScoreColors(const std::vector<TrialPoint>& trials, Direction direction);
  std::string Of(double score) const;
  double worst() const { return worst_; }
  double best() const { return best_; }

 private:
  double worst_ = 0;
  double best_ = 1;
};

// An axis for each parameter and one for the score; a line a trial, the best on top. A trial
// without a parameter passes below that axis.
Svg DrawParallelCoordinates(const std::vector<Parameter>& parameters,
                            const std::vector<TrialPoint>& trials, Direction direction,
                            const std::string& metric);

// Score against one parameter; words get a column each, with the column's median.
Svg DrawSlice(const Parameter& parameter, const std::vector<TrialPoint>& trials,
              Direction direction, const std::string& metric);

// rows[i][j]: photos of class i that were taken for class j. Right ones blue, wrong ones orange, by
// their share of the row. Every class keeps its name, however many there are.
Svg DrawConfusion(const std::vector<std::string>& classes,
                  const std::vector<std::vector<int64_t>>& rows, const std::string& title);

}  // namespace vizsla
