#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "src/base/str_cat.h"
#include "src/report/axis.h"
#include "src/report/board_parameters.h"
#include "src/report/report_sections.h"
#include "src/report/runs.h"
#include "src/report/text.h"
#include "src/report/trial_text.h"

namespace vizsla {
namespace {

std::string FactHtml(std::string_view name, const std::string& html) {
  return StrCat("<dt>", EscapeMarkup(name), "</dt><dd>", html, "</dd>\n");
}

std::string TileHtml(std::string_view label, std::string_view value) {
  return StrCat("<div class=\"tile\"><div class=\"value\">", EscapeMarkup(value),
                "</div><div class=\"label\">", EscapeMarkup(label), "</div></div>\n");
}

std::string SplitText(const SplitSpec& split) {
  std::string text =
      absl::StrFormat("test %.4g %% of the photos, validation %.4g %% of the rest, seed %d",
                      split.test * 100, split.validation * 100, split.seed);
  if (!split.group_column.empty()) absl::StrAppend(&text, ", whole groups of ", split.group_column);
  return text;
}

std::string BudgetText(const Budget& budget) {
  std::string text =
      budget.trials > 0 ? Count(budget.trials, "trial") : std::string("every trial of the grid");
  absl::StrAppend(&text, " of up to ", Count(budget.epochs, "epoch"));
  if (budget.wall_time.has_value()) {
    absl::StrAppend(&text, ", at most ", FormatDuration(*budget.wall_time), " of training");
  }
  return text;
}

std::string EarlyStoppingText(const EarlyStopping& rule) {
  if (rule.patience == 0) return "off";
  return StrCat("after ", Count(rule.patience, "epoch"), " without ", rule.metric,
                " improving by more than ", ShortNumber(rule.min_delta));
}

std::string HashHtml(const std::string& hash) {
  return hash.empty() ? MutedHtml("none") : StrCat("<code>", EscapeMarkup(hash), "</code>");
}

}  // namespace

std::string StateHtml(std::string_view state) {
  return StrCat("<span class=\"state ", state, "\">", state, "</span>");
}

std::string ObjectiveText(const Objective& objective) {
  std::string text =
      StrCat(objective.metric, ", ",
             objective.direction == Direction::kMaximize ? "higher is better" : "lower is better");
  for (const FurtherObjective& further : objective.further) {
    absl::StrAppend(&text, "; against ", further.metric, ", ",
                    further.direction == Direction::kMaximize ? "higher" : "lower", " is better");
  }
  if (objective.last_epoch) {
    absl::StrAppend(&text, "; of the last epoch");
  } else if (objective.select_by != objective.metric) {
    absl::StrAppend(&text, "; of the epoch with the best ", objective.select_by);
  }
  return text;
}

std::string TrialLabel(const Trial& trial) {
  return trial.name.empty() ? StrCat("trial ", trial.number)
                            : StrCat("trial ", trial.number, " (", trial.name, ")");
}

std::optional<double> MetricOf(const LeaderboardRowView& row, const std::string& name) {
  const auto it = row.metrics.find(name);
  if (it == row.metrics.end()) return std::nullopt;
  return it->second;
}

std::optional<double> GapOf(const LeaderboardRowView& row) {
  const std::optional<double> train = MetricOf(row, "train_accuracy");
  const std::optional<double> validation = MetricOf(row, "val_accuracy");
  if (!train.has_value() || !validation.has_value()) return std::nullopt;
  return *train - *validation;
}

const LeaderboardRowView* FindBestRow(const LeaderboardView& board) {
  for (const LeaderboardRowView& row : board.rows) {
    const std::optional<double>& score = row.trial.score;
    if (row.rank == 1 && score.has_value() && std::isfinite(*score)) return &row;
  }
  return nullptr;
}

std::vector<TrialPoint> ScoredTrials(const LeaderboardView& board) {
  std::vector<TrialPoint> trials;
  for (const LeaderboardRowView& row : board.rows) {
    const Trial& trial = row.trial;
    const std::optional<double> score = ScoreOfRow(row);
    if (!score.has_value() || !std::isfinite(*score) || !MayWin(trial)) continue;
    trials.push_back({trial.number, trial.name, trial.configuration, *score});
  }
  return trials;
}

std::string HeaderHtml(const StudyReport& report) {
  const Study& study = report.board.study.study;
  std::string html = StrCat("<header class=\"top\"><div class=\"wrap\"><h1>",
                            EscapeMarkup(study.spec.name), "</h1>\n");
  if (!study.notes.empty()) html += ParagraphHtml(study.notes, "notes");
  return html + "</div></header>\n";
}

HtmlSection OverviewSection(const StudyReport& report) {
  const StudyView& view = report.board.study;
  const Study& study = view.study;
  const StudySpec& spec = study.spec;
  std::string tiles;
  if (const LeaderboardRowView* best = FindBestRow(report.board); best != nullptr) {
    tiles += TileHtml(StrCat("best ", spec.objective.metric, ", ", TrialLabel(best->trial),
                             ", epoch ", best->trial.best_epoch),
                      ScoreTextOfRow(*best));
    if (const std::optional<double> gap = GapOf(*best); gap.has_value()) {
      tiles += TileHtml("its over-fitting gap (train minus validation accuracy)",
                        std::isfinite(*gap) ? absl::StrFormat("%+.4f", *gap) : FormatMetric(*gap));
    }
  } else {
    tiles += TileHtml(StrCat("best ", spec.objective.metric), "none yet");
  }
  tiles += TileHtml(HasRuns(report.board) ? "configurations tried" : "trials made",
                    StrCat(report.board.rows.size()));
  tiles += TileHtml("time in which trials ran", FormatDuration(study.active_time));
  tiles += TileHtml("uses of the test split", StrCat(view.test_uses));

  std::string facts;
  facts +=
      FactHtml("state", StateHtml(ToText(study.state)) + " " + EscapeMarkup(TrialCountsText(view)));
  facts += FactHtml("objective", EscapeMarkup(ObjectiveText(spec.objective)));
  facts += FactHtml("budget", EscapeMarkup(BudgetText(spec.budget)));
  for (int stage = 2; stage <= StageCount(spec); ++stage) {
    facts += FactHtml(DescribeStage(spec, stage),
                      EscapeMarkup(StrCat(BudgetText(StageOf(spec, stage).budget), ", ",
                                          Describe(StageOf(spec, stage).sampler))));
  }
  facts += FactHtml("early stopping", EscapeMarkup(EarlyStoppingText(spec.early_stopping)));
  facts += FactHtml("sampler", EscapeMarkup(StrCat(Describe(spec.sampler), ", seed ", spec.seed)));
  if (KindOf(spec.pruner) != PrunerKind::kNone) {
    facts += FactHtml("pruner", EscapeMarkup(Describe(spec.pruner)));
  }
  facts += FactHtml("split", EscapeMarkup(SplitText(spec.split)));
  facts += FactHtml("data fingerprint", HashHtml(study.inputs.dataset_fingerprint));
  facts += FactHtml("split hash", HashHtml(study.inputs.split_hash));
  facts += FactHtml("weights", HashHtml(study.inputs.weights_hash));
  facts += FactHtml("created", EscapeMarkup(StrCat(FormatTime(study.created_at), " UTC")));
  facts += FactHtml("finished", study.finished_at.has_value()
                                    ? EscapeMarkup(StrCat(FormatTime(*study.finished_at), " UTC"))
                                    : MutedHtml("not yet"));
  facts += FactHtml("report made",
                    EscapeMarkup(StrCat(FormatTime(report.made_at), " UTC, from ", report.source)));
  return {
      "overview",
      "Overview",
      StrCat("<div class=\"tiles\">\n", tiles, "</div>\n<dl class=\"facts\">\n", facts, "</dl>\n"),
      {}};
}

}  // namespace vizsla
