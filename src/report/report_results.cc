#include <algorithm>
#include <cmath>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "src/base/str_cat.h"
#include "src/report/report_sections.h"
#include "src/report/strategies.h"
#include "src/report/text.h"

namespace vizsla {
namespace {

constexpr size_t kGapRows = 40;
constexpr char kTest[] = "test";

std::optional<double> FigureOf(const Metrics& metrics, const std::string& name) {
  const auto it = metrics.find(name);
  if (it == metrics.end()) return std::nullopt;
  return it->second;
}

// The newest reading of the test split for a trial, or null.
const EvaluationRecord* TestUseOf(const StudyReport& report, int64_t trial) {
  const EvaluationRecord* found = nullptr;
  for (const EvaluationRecord& record : report.evaluations) {
    if (record.split == kTest && record.trial == trial) found = &record;
  }
  return found;
}

}  // namespace

HtmlSection OverfittingSection(const StudyReport& report) {
  HtmlSection section = {"overfitting", "Over-fitting", "", {}};
  std::vector<GapRow> rows;
  size_t with_gap = 0;
  for (const LeaderboardRowView& row : report.board.rows) {
    const std::optional<double> gap = GapOf(row);
    if (!gap.has_value() || !std::isfinite(*gap)) continue;
    ++with_gap;
    if (rows.size() < kGapRows) {
      rows.push_back({TrialLabel(row.trial), *MetricOf(row, "train_accuracy"),
                      *MetricOf(row, "val_accuracy")});
    }
  }
  if (rows.empty()) {
    section.html = ParagraphHtml("No trial has reported both train and validation accuracy.");
    return section;
  }
  section.pictures.push_back(
      {"overfitting", DrawGaps(rows, "Train minus validation accuracy at the chosen epoch")});
  section.html = FigureHtml(section.pictures.back());
  if (with_gap > rows.size()) {
    section.html += ParagraphHtml(StrCat("The best ", rows.size(), " of ", with_gap,
                                         " trials; the leaderboard has every trial's gap."),
                                  "muted small");
  }
  section.html += ParagraphHtml(
      "Train accuracy is measured while training, with dropout and augmented photos: it may lie "
      "below validation.",
      "muted small");
  return section;
}

HtmlSection StrategiesSection(const StudyReport& report) {
  HtmlSection section = {"strategies", "Comparison of strategies", "", {}};
  const std::vector<Strategy> strategies = CompareStrategies(report.board);
  if (strategies.empty()) {
    section.html =
        ParagraphHtml(report.board.rows.empty() ? "No trial has been made yet."
                                                : "What the trials start from is not decided yet.");
    return section;
  }
  const std::string& metric = report.board.study.study.spec.objective.metric;
  HtmlTable table;
  table.columns = {{"network", false, ""},
                   {"strategy", false, ""},
                   {"trials' name", false, ""},
                   {"trials", true, ""},
                   {"best trial", true, ""}};
  if (metric != "val_accuracy" && metric != "val_loss") table.columns.push_back({metric, true, ""});
  for (const char* title :
       {"val. accuracy", "val. loss", "gap", "wall time", "test accuracy", "test loss"}) {
    table.columns.push_back({title, true, ""});
  }
  std::vector<Bar> bars;
  for (const Strategy& strategy : strategies) {
    std::vector<HtmlCell> cells = {TextCell(strategy.network), TextCell(strategy.approach),
                                   TextCell(strategy.name), TextCell(StrCat(strategy.trials))};
    if (strategy.best == nullptr) {
      while (cells.size() < table.columns.size()) cells.push_back(NumberCell(std::nullopt));
      table.rows.push_back(std::move(cells));
      continue;
    }
    const LeaderboardRowView& best = *strategy.best;
    const EvaluationRecord* test = TestUseOf(report, best.trial.number);
    cells.push_back(TextCell(StrCat(best.trial.number)));
    if (metric != "val_accuracy" && metric != "val_loss") {
      cells.push_back(NumberCell(best.trial.score));
    }
    const std::optional<double> accuracy = MetricOf(best, "val_accuracy");
    cells.push_back(NumberCell(accuracy));
    cells.push_back(NumberCell(MetricOf(best, "val_loss")));
    cells.push_back(SignedCell(GapOf(best)));
    cells.push_back({FormatDuration(best.elapsed), StrCat(best.elapsed.count())});
    cells.push_back(
        NumberCell(test != nullptr ? FigureOf(test->metrics, "accuracy") : std::nullopt));
    cells.push_back(NumberCell(test != nullptr ? FigureOf(test->metrics, "loss") : std::nullopt));
    table.rows.push_back(std::move(cells));
    if (accuracy.has_value() && std::isfinite(*accuracy)) {
      bars.push_back({ToText(strategy), *accuracy, FormatMetric(*accuracy)});
    }
  }
  section.html = StrCat(ParagraphHtml("The best trial of each network, way to train it, and name "
                                      "given to its trials. Test figures stand where that trial's "
                                      "use of the test split was recorded.",
                                      "muted small"),
                        ToHtml(table));
  if (bars.size() > 1) {
    section.pictures.push_back(
        {"strategies", DrawBars(bars, "Validation accuracy of the best of each")});
    section.html += FigureHtml(section.pictures.back());
  }
  return section;
}

HtmlSection TestUsesSection(const StudyReport& report) {
  HtmlSection section = {"test-uses", "Uses of the test split", "", {}};
  HtmlTable table;
  table.columns = {{"when (UTC)", false, ""},
                   {"trial", true, ""},
                   {"by", false, ""},
                   {"accuracy", true, ""},
                   {"top-5", true, ""},
                   {"loss", true, ""},
                   {"model", false, "SHA-256 of the evaluated network"}};
  for (const EvaluationRecord& record : report.evaluations) {
    if (record.split != kTest) continue;
    table.rows.push_back(
        {TextCell(FormatTime(record.at)),
         TextCell(StrCat(record.trial)),
         TextCell(record.user),
         NumberCell(FigureOf(record.metrics, "accuracy")),
         NumberCell(FigureOf(record.metrics, "top5_accuracy")),
         NumberCell(FigureOf(record.metrics, "loss")),
         {StrCat("<code>", EscapeMarkup(record.model_hash.substr(0, 16)), "</code>"), ""}});
  }
  if (table.rows.empty()) {
    section.html = ParagraphHtml(
        "The test split has not been used: its figures are still those of photos that no decision "
        "has seen.");
    return section;
  }
  section.html = StrCat(
      ParagraphHtml("Every `vizsla evaluate --split test` is recorded before its figures are "
                    "shown. Choosing by them would spend the split.",
                    "muted small"),
      ToHtml(table));
  return section;
}

}  // namespace vizsla
