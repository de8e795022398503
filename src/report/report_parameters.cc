#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "src/base/str_cat.h"
#include "src/report/board_parameters.h"
#include "src/report/parameter_importance.h"
#include "src/report/report_sections.h"
#include "src/report/text.h"

namespace vizsla {
namespace {

std::vector<Parameter> VaryingDomains(const LeaderboardView& board) {
  std::vector<Parameter> parameters;
  for (const std::string& name : VaryingParameters(board)) {
    parameters.push_back(CoveringParameter(board, name));
  }
  return parameters;
}

// A parameter's name as part of a file's: other characters than these never occur in the catalog.
std::string FileWord(const std::string& name) {
  std::string word;
  for (const char c : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
    word += plain ? c : '_';
  }
  return word;
}

// PED-ANOVA looks at whole runs only, as Optuna's does.
std::vector<ScoredConfiguration> CompletedTrials(const LeaderboardView& board) {
  std::vector<ScoredConfiguration> trials;
  for (const LeaderboardRowView& row : board.rows) {
    if (row.trial.state != TrialState::kCompleted) continue;
    const std::optional<double>& score = row.trial.score;
    if (!score.has_value() || !std::isfinite(*score)) continue;
    trials.push_back({row.trial.configuration, *score});
  }
  return trials;
}

}  // namespace

HtmlSection ParametersSection(const StudyReport& report) {
  HtmlSection section = {"parameters", "Parameters", "", {}};
  const Objective& objective = report.board.study.study.spec.objective;
  const std::vector<Parameter> parameters = VaryingDomains(report.board);
  const std::vector<TrialPoint> trials = ScoredTrials(report.board);
  if (parameters.empty() || trials.empty()) {
    section.html = ParagraphHtml(trials.empty() ? "No trial has a score yet."
                                                : "Every trial has the same parameters.");
    return section;
  }
  section.pictures.push_back(
      {"parallel-coordinates",
       DrawParallelCoordinates(parameters, trials, objective.direction, objective.metric)});
  section.html =
      StrCat(ParagraphHtml("Each line is a trial with a score; brighter is better, the best is "
                           "thick. Only parameters that vary have an axis.",
                           "muted small"),
             FigureHtml(section.pictures.back()), "<h3>Score against each parameter</h3>\n",
             ParagraphHtml("Each dot is a trial; where a parameter takes words, the bar is their "
                           "trials' median.",
                           "muted small"),
             "<div class=\"grid\">\n");
  std::set<std::string> used;
  for (const Parameter& parameter : parameters) {
    std::string name = StrCat("slice-", FileWord(parameter.name));
    while (!used.insert(name).second) name += "_";
    section.pictures.push_back(
        {name, DrawSlice(parameter, trials, objective.direction, objective.metric)});
    section.html += FigureHtml(section.pictures.back());
  }
  section.html += "</div>\n";
  return section;
}

HtmlSection ImportanceSection(const StudyReport& report) {
  HtmlSection section = {"importance", "Parameter importance", "", {}};
  const Objective& objective = report.board.study.study.spec.objective;
  const ImportanceReport importance = AssessImportance(
      VaryingDomains(report.board), CompletedTrials(report.board), objective.direction);
  if (!importance.parameters.empty()) {
    std::vector<Bar> bars;
    for (const ParameterImportance& parameter : importance.parameters) {
      bars.push_back({parameter.always ? parameter.name : StrCat(parameter.name, " (conditional)"),
                      100 * parameter.share, absl::StrFormat("%.1f %%", 100 * parameter.share)});
    }
    section.pictures.push_back(
        {"importance",
         DrawBars(bars, StrCat("Share of the difference between the best trials and all, %"))});
    section.html = FigureHtml(section.pictures.back());
  }
  if (!importance.caveat.empty()) section.html += ParagraphHtml(importance.caveat, "aside");
  section.html += ParagraphHtml(
      "PED-ANOVA (Watanabe, Bansal and Hutter, 2023): how differently a parameter's values are "
      "spread among the best tenth of the completed trials and among all of them.",
      "muted small");
  return section;
}

}  // namespace vizsla
