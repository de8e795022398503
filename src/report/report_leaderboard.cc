#include <algorithm>

#include "absl/strings/str_cat.h"
#include "src/base/str_cat.h"
#include "src/report/board_parameters.h"
#include "src/report/report_sections.h"
#include "src/report/runs.h"
#include "src/report/text.h"
#include "src/report/trial_text.h"

namespace vizsla {
namespace {

std::string ReasonsHtml(const LeaderboardView& board) {
  HtmlTable table;
  table.columns = {
      {"trial", true, ""}, {"name", false, ""}, {"state", false, ""}, {"reason", false, ""}};
  for (const LeaderboardRowView& row : board.rows) {
    if (!EndedInTrouble(StateOfRow(row))) continue;
    table.rows.push_back({TextCell(StrCat(row.trial.number)),
                          TextCell(row.trial.name),
                          {StateHtml(ToText(StateOfRow(row))), ""},
                          TextCell(TroubleTextOfRow(row))});
  }
  if (table.rows.empty()) return "";
  return StrCat("<h3>Trials that failed, diverged or could not run</h3>\n", ToHtml(table));
}

// The figures of the chosen epoch that stand beside the score.
struct Figure {
  std::string metric;
  std::string title;
};

std::vector<Figure> FiguresBeside(const std::string& objective_metric) {
  std::vector<Figure> figures = {{"val_accuracy", "val. accuracy"},
                                 {"val_loss", "val. loss"},
                                 {"train_accuracy", "train accuracy"},
                                 {"train_loss", "train loss"}};
  std::erase_if(figures, [&](const Figure& figure) { return figure.metric == objective_metric; });
  return figures;
}

// What the trial took over from another one; empty for nothing.
std::string StartText(const WarmStart& start) {
  if (start.kind == WarmStart::Kind::kNone || start.trial == 0) return "";
  return start.kind == WarmStart::Kind::kBestConfiguration
             ? StrCat("varies trial ", start.trial)
             : StrCat("starts from trial ", start.trial);
}

HtmlCell NameCell(const Trial& trial) {
  std::string html = EscapeMarkup(trial.name);
  if (trial.lineage.parent != 0) {
    html += StrCat("<div class=\"note\">goes on from epoch ", trial.lineage.parent_epoch,
                   " of trial ", trial.lineage.parent, "</div>");
  }
  if (const std::string start = StartText(trial.warm_start); !start.empty()) {
    html += StrCat("<div class=\"note\">", start, "</div>");
  }
  if (!trial.notes.empty()) {
    html += StrCat("<div class=\"note\">", LinesHtml(trial.notes), "</div>");
  }
  return {html, ""};
}

HtmlCell BestEpochCell(const Trial& trial) {
  if (trial.best_epoch > 0) return TextCell(StrCat(trial.best_epoch, " of ", trial.epoch));
  return {MutedHtml(trial.epoch > 0 ? StrCat("- of ", trial.epoch) : std::string("-")), "x"};
}

HtmlCell RunsCell(const RunsSummary& runs) {
  return {EscapeMarkup(RunsText(runs)), NumberCell(runs.mean).sort_key};
}

HtmlTable LeaderboardTable(const LeaderboardView& board) {
  const StudySpec& spec = board.study.study.spec;
  const std::vector<std::string> varying = VaryingParameters(board);
  const std::vector<Figure> figures = FiguresBeside(spec.objective.metric);
  const bool staged = StageCount(spec) > 1;
  const bool named = std::any_of(board.rows.begin(), board.rows.end(), [](const auto& row) {
    return !row.trial.name.empty() || !row.trial.notes.empty() || row.trial.lineage.parent != 0 ||
           row.trial.warm_start.kind != WarmStart::Kind::kNone;
  });
  HtmlTable table;
  table.columns = {{"rank", true, ""}, {"trial", true, ""}};
  if (named) table.columns.push_back({"name and notes", false, ""});
  if (staged) table.columns.push_back({"stage", true, ""});
  table.columns.push_back({"state", false, ""});
  const std::vector<FurtherObjective>& further = spec.objective.further;
  if (!further.empty()) {
    table.columns.push_back({"front", true, "1 is the Pareto front: no trial is better in all"});
  }
  const bool runs = HasRuns(board);
  const bool fresh = HasFinalRuns(board);
  if (fresh) {
    table.columns.push_back({StrCat("final ", spec.objective.metric), true,
                             "mean of the final runs, half of its 95 % interval, and how many"});
  }
  table.columns.push_back({spec.objective.metric, true,
                           runs ? "mean of the search's runs, half of its 95 % interval, and how "
                                  "many; of a finalist the score that selected it"
                                : "the score"});
  for (const FurtherObjective& one : further) table.columns.push_back({one.metric, true, ""});
  table.columns.push_back({"chosen epoch", true, "the epoch that counts, and how many there were"});
  for (const Figure& figure : figures) {
    table.columns.push_back({figure.title, true, StrCat(figure.metric, " at the chosen epoch")});
  }
  table.columns.push_back({"gap", true, "train minus validation accuracy at the chosen epoch"});
  table.columns.push_back({"wall time", true, "training time over all attempts"});
  for (const std::string& name : varying) table.columns.push_back({name, false, ""});

  for (const LeaderboardRowView& row : board.rows) {
    const Trial& trial = row.trial;
    std::vector<HtmlCell> cells = {
        row.rank > 0 ? TextCell(StrCat(row.rank)) : HtmlCell{MutedHtml("-"), "x"},
        TextCell(StrCat(trial.number))};
    if (named) cells.push_back(NameCell(trial));
    if (staged) cells.push_back(TextCell(StrCat(trial.stage)));
    cells.push_back({StateHtml(ToText(StateOfRow(row))), ""});
    if (!further.empty()) {
      cells.push_back(row.front > 0 ? TextCell(StrCat(row.front)) : HtmlCell{MutedHtml("-"), "x"});
    }
    if (fresh) cells.push_back(row.final_runs ? RunsCell(*row.final_runs) : TextCell(""));
    HtmlCell score = row.search_runs && (row.final_runs || row.search_runs->trials.size() > 1)
                         ? HtmlCell{EscapeMarkup(SearchTextOfRow(row)),
                                    NumberCell(row.search_runs->mean).sort_key}
                         : NumberCell(trial.score);
    const bool best = further.empty() ? row.rank == 1 : row.front == 1;
    if (best) score.html = StrCat("<strong>", score.html, "</strong>");
    cells.push_back(std::move(score));
    for (size_t i = 0; i < further.size(); ++i) {
      cells.push_back({FurtherText(trial, i),
                       i < trial.further_values.size() ? StrCat(trial.further_values[i]) : "x"});
    }
    cells.push_back(BestEpochCell(trial));
    for (const Figure& figure : figures) {
      cells.push_back(NumberCell(MetricOf(row, figure.metric)));
    }
    cells.push_back(SignedCell(GapOf(row)));
    cells.push_back({row.elapsed.count() > 0 ? FormatDuration(row.elapsed) : MutedHtml("-"),
                     StrCat(row.elapsed.count())});
    for (const std::string& parameter : varying) {
      cells.push_back(TextCell(ShortValueOf(trial.configuration, parameter)));
    }
    table.rows.push_back(std::move(cells));
  }
  return table;
}

}  // namespace

HtmlSection LeaderboardSection(const StudyReport& report) {
  const LeaderboardView& board = report.board;
  if (board.rows.empty()) {
    return {"leaderboard", "Leaderboard", ParagraphHtml("No trial has been made yet."), {}};
  }
  const std::string intro = StrCat(
      "Ranked by ", ObjectiveText(board.study.study.spec.objective),
      HasFinalRuns(board) ? ", those that were trained again by their final runs alone" : "",
      HasRuns(board) ? ". A row is a configuration, with the run whose score is best" : "",
      ". Parameters that are the same in every trial have no column. Click a title to sort.");
  return {"leaderboard",
          "Leaderboard",
          StrCat(ParagraphHtml(intro, "muted small"), ToHtml(LeaderboardTable(board)),
                 ReasonsHtml(board)),
          {}};
}

}  // namespace vizsla
