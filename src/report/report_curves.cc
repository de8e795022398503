#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "src/base/str_cat.h"
#include "src/report/report_sections.h"
#include "src/report/text.h"

namespace vizsla {
namespace {

constexpr size_t kTogether = 7;  // as many as there are colours
constexpr size_t kShownAtOnce = 6;

bool HasRun(const LeaderboardRowView& row) { return row.trial.epoch > 0; }

LineSeries SeriesOf(const std::vector<EpochReport>& epochs, const std::string& metric,
                    std::string name, Stroke stroke) {
  LineSeries series = {std::move(name), {}, std::move(stroke)};
  for (const EpochReport& report : epochs) {
    const auto it = report.metrics.find(metric);
    if (it == report.metrics.end()) continue;
    series.points.push_back({static_cast<double>(report.epoch), it->second});
  }
  return series;
}

bool HasMetric(const std::vector<EpochReport>& epochs, const std::string& metric) {
  return std::any_of(epochs.begin(), epochs.end(),
                     [&](const EpochReport& report) { return report.metrics.contains(metric); });
}

// Train and validation of one metric of one trial.
LineChart TrialChart(const Trial& trial, const std::vector<EpochReport>& epochs,
                     const std::string& what) {
  LineChart chart;
  chart.title = what;
  chart.x_label = "epoch";
  // Validation first, so that it is drawn over train.
  const std::string validation = StrCat("val_", what);
  const std::string train = StrCat("train_", what);
  if (HasMetric(epochs, validation)) {
    chart.series.push_back(
        SeriesOf(epochs, validation, "validation", {kValidationColor, 2, 1, ""}));
  }
  if (HasMetric(epochs, train)) {
    chart.series.push_back(SeriesOf(epochs, train, "train", {kTrainColor, 2, 1, ""}));
  }
  if (trial.best_epoch > 0) {
    chart.marked_x = trial.best_epoch;
    chart.mark = StrCat("chosen: ", trial.best_epoch);
  }
  return chart;
}

Picture TrialPicture(const Trial& trial, const std::vector<EpochReport>& epochs) {
  return {StrCat("curves-trial-", trial.number),
          DrawLineCharts({TrialChart(trial, epochs, "loss"), TrialChart(trial, epochs, "accuracy")},
                         StrCat("Loss and accuracy of ", TrialLabel(trial)))};
}

struct Curved {
  const Trial* trial;
  const std::vector<EpochReport>* epochs;
};

Picture TogetherPicture(const std::vector<Curved>& trials) {
  std::vector<LineChart> charts;
  for (const char* what : {"loss", "accuracy"}) {
    LineChart chart;
    chart.title = StrCat("validation ", what);
    chart.x_label = "epoch";
    chart.width = 640;
    chart.height = 400;
    for (size_t i = 0; i < trials.size(); ++i) {
      chart.series.push_back(SeriesOf(*trials[i].epochs, StrCat("val_", what),
                                      Truncate(TrialLabel(*trials[i].trial), 34), LineStyle(i)));
    }
    charts.push_back(std::move(chart));
  }
  return {"curves-best",
          DrawLineCharts(charts, "Validation loss and accuracy of the best trials together")};
}

// Which trials have no curves here, and where they are; empty when all have.
std::string LeftOutHtml(const LeaderboardView& board) {
  const auto ran = std::count_if(board.rows.begin(), board.rows.end(), HasRun);
  if (ran <= static_cast<ptrdiff_t>(kMostDrawnTrials)) return "";
  return ParagraphHtml(StrCat("The best ", kMostDrawnTrials, " of ", ran,
                              " trials are drawn; the leaderboard has them all, and `vizsla trial "
                              "N --curves` draws any other."),
                       "muted small");
}

}  // namespace

std::vector<const Trial*> FindDrawnTrials(const LeaderboardView& board) {
  std::vector<const Trial*> trials;
  for (const LeaderboardRowView& row : board.rows) {
    if (trials.size() == kMostDrawnTrials) break;
    if (HasRun(row)) trials.push_back(&row.trial);
  }
  return trials;
}

HtmlSection CurvesSection(const StudyReport& report) {
  HtmlSection section = {"curves", "Curves", "", {}};
  std::vector<Curved> curved;
  for (const Trial* trial : FindDrawnTrials(report.board)) {
    const auto it = report.epochs.find(trial->number);
    if (it != report.epochs.end() && !it->second.empty()) curved.push_back({trial, &it->second});
  }
  if (curved.empty()) {
    section.html = ParagraphHtml("No trial has reported an epoch yet.");
    return section;
  }
  if (curved.size() > 1) {
    const std::vector<Curved> together(curved.begin(),
                                       curved.begin() + std::min(kTogether, curved.size()));
    section.pictures.push_back(TogetherPicture(together));
    absl::StrAppend(
        &section.html, "<h3>Side by side: validation of the ",
        curved.size() > kTogether ? StrCat("best ", kTogether, " trials") : std::string("trials"),
        "</h3>\n", FigureHtml(section.pictures.back()));
  }
  absl::StrAppend(&section.html, "<h3>Each trial: train and validation</h3>\n",
                  LeftOutHtml(report.board));
  for (size_t i = 0; i < curved.size(); ++i) {
    if (i == kShownAtOnce) {
      absl::StrAppend(&section.html, "<details><summary>",
                      Count(static_cast<int64_t>(curved.size() - i), "more trial"), "</summary>\n");
    }
    section.pictures.push_back(TrialPicture(*curved[i].trial, *curved[i].epochs));
    absl::StrAppend(&section.html, "<p><strong>", EscapeMarkup(TrialLabel(*curved[i].trial)),
                    "</strong> ",
                    MutedHtml(curved[i].trial->score.has_value()
                                  ? StrCat(report.board.study.study.spec.objective.metric, " ",
                                           FormatMetric(curved[i].trial->score))
                                  : std::string("no score")),
                    "</p>\n", FigureHtml(section.pictures.back()));
  }
  if (curved.size() > kShownAtOnce) section.html += "</details>\n";
  return section;
}

}  // namespace vizsla
