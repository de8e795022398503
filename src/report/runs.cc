#include "src/report/runs.h"

#include <algorithm>

#include "src/base/str_cat.h"
#include "src/report/text.h"

namespace vizsla {
namespace {

// The runs that the row is ranked by; null when the trial is the only one.
const RunsSummary* RankingRuns(const LeaderboardRowView& row) {
  if (row.final_runs && IsFinished(row.final_runs->state)) return &*row.final_runs;
  return row.search_runs && row.search_runs->trials.size() > 1 ? &*row.search_runs : nullptr;
}

}  // namespace

bool HasRuns(const LeaderboardView& board) {
  return std::any_of(board.rows.begin(), board.rows.end(),
                     [](const auto& row) { return row.search_runs.has_value(); });
}

bool HasFinalRuns(const LeaderboardView& board) {
  return std::any_of(board.rows.begin(), board.rows.end(),
                     [](const auto& row) { return row.final_runs.has_value(); });
}

TrialState StateOfRow(const LeaderboardRowView& row) {
  if (row.final_runs) return row.final_runs->state;
  return row.search_runs ? row.search_runs->state : row.trial.state;
}

std::optional<double> ScoreOfRow(const LeaderboardRowView& row) {
  const RunsSummary* runs = RankingRuns(row);
  return runs != nullptr ? runs->mean : row.trial.score;
}

std::string RunsText(const RunsSummary& runs) {
  if (!runs.mean) return "-";
  return StrCat(FormatMetric(*runs.mean),
                runs.half_width ? StrCat(" ± ", FormatMetric(*runs.half_width)) : std::string(),
                " (", runs.scored, ")");
}

std::string SearchTextOfRow(const LeaderboardRowView& row) {
  if (!row.search_runs) return FormatMetric(row.trial.score);
  if (row.search_runs->trials.size() > 1) return RunsText(*row.search_runs);
  // A single run may still go on, unless the trial is a final run.
  return FormatMetric(row.final_runs ? row.search_runs->mean : row.trial.score);
}

std::string ScoreTextOfRow(const LeaderboardRowView& row) {
  const RunsSummary* runs = RankingRuns(row);
  return runs != nullptr ? RunsText(*runs) : FormatMetric(row.trial.score);
}

nlohmann::ordered_json RunsToJson(const std::optional<RunsSummary>& runs) {
  using Json = nlohmann::ordered_json;
  if (!runs) return nullptr;
  return {{"trials", runs->trials},
          {"state", ToText(runs->state)},
          {"scored", runs->scored},
          {"mean", runs->mean ? NumberToJson(*runs->mean) : Json(nullptr)},
          {"half_width", runs->half_width ? NumberToJson(*runs->half_width) : Json(nullptr)}};
}

}  // namespace vizsla
