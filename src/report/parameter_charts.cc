#include <algorithm>
#include <cmath>
#include <map>

#include "src/base/random.h"
#include "src/base/str_cat.h"
#include "src/report/axis.h"
#include "src/report/chart_frame.h"
#include "src/report/charts.h"
#include "src/report/text.h"

namespace vizsla {
namespace {

constexpr double kAxisSpacing = 128;
constexpr double kLightest = 0.92;  // of viridis on white
constexpr int kWordColumns = 14;
constexpr double kSliceWidth = 340;
constexpr double kSliceHeight = 250;
constexpr size_t kMaxWordLabels = 12;

std::string Describe(const TrialPoint& trial, const std::string& metric) {
  std::string text = StrCat("trial ", trial.number);
  if (!trial.name.empty()) absl::StrAppend(&text, " (", trial.name, ")");
  absl::StrAppend(&text, ": ", metric, " ", FormatMetric(trial.score));
  return text;
}

// Worst first, so that the best are drawn over the others.
std::vector<const TrialPoint*> WorstFirst(const std::vector<TrialPoint>& trials,
                                          Direction direction) {
  std::vector<const TrialPoint*> order;
  for (const TrialPoint& trial : trials) order.push_back(&trial);
  std::stable_sort(order.begin(), order.end(), [&](const TrialPoint* a, const TrialPoint* b) {
    return IsBetter(direction, b->score, a->score);
  });
  return order;
}

struct Placed {
  double place = 0;  // 0 to 1
  std::string text;
};

std::vector<Placed> LabelsOf(const ValueScale& scale) {
  std::vector<Placed> labels;
  if (scale.categorical()) {
    // With very many words only some can be read.
    const size_t stride = (scale.words().size() + kMaxWordLabels - 1) / kMaxWordLabels;
    for (size_t i = 0; i < scale.words().size(); i += stride) {
      labels.push_back({scale.PlaceOfWord(i), Truncate(ToText(scale.words()[i]), kWordColumns)});
    }
    return labels;
  }
  const Axis axis(scale.low(), scale.high(), 0, 1, scale.log());
  for (const Tick& tick : axis.Ticks(6)) labels.push_back({axis.Map(tick.value), tick.text});
  return labels;
}

void DrawColorBar(Svg& svg, const ScoreColors& colors, const std::string& metric, double left,
                  double top, double height) {
  constexpr int kSteps = 40;
  const double step = height / kSteps;
  for (int i = 0; i < kSteps; ++i) {
    const double share = 1 - (i + 0.5) / kSteps;
    svg.Rectangle({left, top + i * step}, 12, step + 0.5,
                  colors.Of(colors.worst() + share * (colors.best() - colors.worst())));
  }
  svg.Text({left + 18, top + 9}, FormatMetric(colors.best()), {.size = kTickSize, .color = ""});
  svg.Text({left + 18, top + height}, FormatMetric(colors.worst()),
           {.size = kTickSize, .color = ""});
  svg.Text({left + 18, top + height / 2 + 4}, metric, {.size = kTickSize, .color = kMutedInk});
}

}  // namespace

ScoreColors::ScoreColors(const std::vector<TrialPoint>& trials, Direction direction) {
  std::vector<double> scores;
  for (const TrialPoint& trial : trials) scores.push_back(trial.score);
  const Range range = RangeOf(scores);
  worst_ = direction == Direction::kMaximize ? range.low : range.high;
  best_ = direction == Direction::kMaximize ? range.high : range.low;
}

std::string ScoreColors::Of(double score) const {
  const double fraction = best_ == worst_ ? 1 : (score - worst_) / (best_ - worst_);
  return Viridis(kLightest * std::clamp(fraction, 0.0, 1.0));
}

Svg DrawParallelCoordinates(const std::vector<Parameter>& parameters,
                            const std::vector<TrialPoint>& trials, Direction direction,
                            const std::string& metric) {
  constexpr double kTop = 64;
  constexpr double kBottom = 350;
  constexpr double kAbsent = 378;  // where lines pass that have no value
  const double left = 70;
  const double width =
      std::max(1000.0, left + kAxisSpacing * static_cast<double>(parameters.size()) + 190);
  const double spacing =
      parameters.empty() ? 0 : (width - left - 190) / static_cast<double>(parameters.size());
  Svg svg(width, 410, "Parallel coordinates: the parameters of each trial and its score");
  DrawTitle(svg, 8, 6, "Parallel coordinates");
  const PlotArea area = {left, kTop, width - 190, kBottom};
  if (trials.empty() || parameters.empty()) {
    DrawNothing(svg, area, trials.empty() ? "no trial has a score" : "no parameter varies");
    return svg;
  }

  const ScoreColors colors(trials, direction);
  const Range scores = {std::min(colors.worst(), colors.best()),
                        std::max(colors.worst(), colors.best())};
  // The better end is on top.
  const bool up = direction == Direction::kMaximize;
  const Axis score_axis(scores.low, scores.high, up ? kBottom : kTop, up ? kTop : kBottom);
  std::vector<ValueScale> scales;
  for (const Parameter& parameter : parameters) scales.emplace_back(parameter.domain);
  const auto x_of = [&](size_t i) { return left + spacing * static_cast<double>(i); };
  const auto y_of = [&](double place) { return kBottom + place * (kTop - kBottom); };

  bool any_absent = false;
  const std::vector<const TrialPoint*> order = WorstFirst(trials, direction);
  const double opacity = std::clamp(60.0 / static_cast<double>(trials.size()), 0.25, 0.8);
  for (const TrialPoint* trial : order) {
    std::vector<Point> line;
    for (size_t i = 0; i < parameters.size(); ++i) {
      const auto it = trial->configuration.find(parameters[i].name);
      const std::optional<double> place =
          it == trial->configuration.end() ? std::nullopt : scales[i].Place(it->second);
      any_absent |= !place.has_value();
      line.push_back({x_of(i), place.has_value() ? y_of(*place) : kAbsent});
    }
    line.push_back({x_of(parameters.size()), score_axis.Map(trial->score)});
    const bool best = trial == order.back();
    svg.Polyline(line, {colors.Of(trial->score), best ? 3.2 : 1.5, best ? 1 : opacity, ""},
                 Describe(*trial, metric));
  }

  for (size_t i = 0; i <= parameters.size(); ++i) {
    const double x = x_of(i);
    svg.Line({x, kTop}, {x, kBottom}, {kInk, 1.2, 1, ""});
    const std::string name = i < parameters.size() ? parameters[i].name : metric;
    svg.Text({x, kTop - 14}, Truncate(name, 18),
             {.size = kLabelSize, .color = "", .anchor = TextAnchor::kMiddle, .bold = true});
    std::vector<Placed> labels;
    if (i < parameters.size()) {
      labels = LabelsOf(scales[i]);
    } else {
      for (const Tick& tick : score_axis.Ticks(6)) {
        labels.push_back({(kBottom - score_axis.Map(tick.value)) / (kBottom - kTop), tick.text});
      }
    }
    for (const Placed& label : labels) {
      const double y = y_of(label.place);
      // A white ground under the text keeps it readable over the lines.
      const double text_width = TextWidth(label.text, kTickSize);
      svg.Line({x - 3, y}, {x + 3, y}, {kInk, 1.2, 1, ""});
      svg.Line({x + 6, y}, {x + 8 + text_width, y}, {"#ffffff", 12, 0.75, ""});
      svg.Text({x + 7, y + 4}, label.text, {.size = kTickSize, .color = ""});
    }
  }
  if (any_absent) {
    svg.Text({left - 8, kAbsent + 4}, "not set",
             {.size = kTickSize, .color = kMutedInk, .anchor = TextAnchor::kEnd});
  }
  DrawColorBar(svg, colors, metric, width - 110, kTop, kBottom - kTop);
  return svg;
}

Svg DrawSlice(const Parameter& parameter, const std::vector<TrialPoint>& trials,
              Direction direction, const std::string& metric) {
  Svg svg(kSliceWidth, kSliceHeight, StrCat(metric, " against ", parameter.name));
  DrawTitle(svg, 8, 6, parameter.name);
  const PlotArea area = {58, 34, kSliceWidth - 16, kSliceHeight - 44};
  const ValueScale scale(parameter.domain);
  struct Dot {
    const TrialPoint* trial;
    double place;
  };
  std::vector<Dot> dots;
  std::vector<double> scores;
  for (const TrialPoint* trial : WorstFirst(trials, direction)) {
    const auto it = trial->configuration.find(parameter.name);
    if (it == trial->configuration.end()) continue;
    const std::optional<double> place = scale.Place(it->second);
    if (!place.has_value()) continue;
    dots.push_back({trial, *place});
    scores.push_back(trial->score);
  }
  if (dots.empty()) {
    DrawNothing(svg, area, "no scored trial has it");
    return svg;
  }
  const Range range = Padded(RangeOf(scores), 0.08);
  const Axis y(range.low, range.high, area.bottom, area.top);
  DrawYAxis(svg, area, y);
  const ScoreColors colors(trials, direction);
  // Words stand in the middles of equal columns; numbers use the whole width.
  const double columns = static_cast<double>(scale.words().size());
  const auto x_of = [&](double place) {
    if (!scale.categorical()) return area.left + 6 + place * (area.right - area.left - 12);
    const double column = place * std::max(columns - 1, 1.0);
    return area.left + (columns < 2 ? 0.5 : (column + 0.5) / columns) * (area.right - area.left);
  };
  svg.Line({area.left, area.bottom}, {area.right, area.bottom}, {"#9aa5b1", 1, 1, ""});
  const std::vector<Placed> labels = LabelsOf(scale);
  double needed = 0;
  for (const Placed& label : labels) needed += TextWidth(label.text, kTickSize) + 8;
  const size_t stride =
      std::max<size_t>(1, static_cast<size_t>(std::ceil(needed / (area.right - area.left))));
  for (size_t i = 0; i < labels.size(); i += stride) {
    svg.Line({x_of(labels[i].place), area.bottom}, {x_of(labels[i].place), area.bottom + 4},
             {"#9aa5b1", 1, 1, ""});
    svg.Text({x_of(labels[i].place), area.bottom + 17}, labels[i].text,
             {.size = kTickSize, .color = kMutedInk, .anchor = TextAnchor::kMiddle});
  }
  svg.Text({(area.left + area.right) / 2, area.bottom + 34}, scale.log() ? "logarithmic" : "",
           {.size = kTickSize, .color = kMutedInk, .anchor = TextAnchor::kMiddle});

  std::map<double, std::vector<double>> by_place;
  const double column_width = (area.right - area.left) / std::max(columns, 1.0);
  for (const Dot& dot : dots) {
    by_place[dot.place].push_back(dot.trial->score);
    double x = x_of(dot.place);
    if (scale.categorical()) {
      // Apart, so that equal scores do not hide each other; the same at every drawing.
      RandomStream stream(StreamKey(static_cast<uint64_t>(dot.trial->number)).With("jitter"));
      x += (stream.Uniform() - 0.5) * std::min(column_width * 0.5, 40.0);
    }
    svg.Circle({x, y.Map(dot.trial->score)}, 4, colors.Of(dot.trial->score),
               StrCat(Describe(*dot.trial, metric), ", ", parameter.name, " ",
                      ShortValueOf(dot.trial->configuration, parameter.name)),
               0.85);
  }
  if (scale.categorical()) {
    for (auto& [place, values] : by_place) {
      std::sort(values.begin(), values.end());
      const size_t middle = values.size() / 2;
      const double median =
          values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
      const double half = std::min(column_width * 0.35, 30.0);
      svg.Line({x_of(place) - half, y.Map(median)}, {x_of(place) + half, y.Map(median)},
               {kInk, 1.6, 0.8, ""});
    }
  }
  return svg;
}

}  // namespace vizsla
