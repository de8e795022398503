#include "src/report/leaderboard.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "src/base/str_cat.h"
#include "src/report/board_parameters.h"
#include "src/report/runs.h"
#include "src/report/text.h"
#include "src/report/trial_text.h"
#include "src/study/objective.h"

namespace vizsla {
namespace {

constexpr size_t kMostReasons = 5;

std::string EpochText(const LeaderboardRowView& row, int epochs) {
  if (row.trial.state != TrialState::kRunning) return StrCat(row.trial.epoch, "/", epochs);
  const int epoch = std::max(row.running_epoch, row.trial.epoch);
  std::string text = StrCat(epoch, "/", epochs);
  if (row.steps_total > 0) {
    absl::StrAppend(&text, " ", std::min<int64_t>(100, 100 * row.steps_done / row.steps_total),
                    "%");
  }
  return text;
}

// "*" marks the Pareto front.
std::string FrontText(const LeaderboardRowView& row) {
  return row.front == 0 ? "-" : row.front == 1 ? "*" : StrCat(row.front);
}

Table BuildTable(const LeaderboardView& board, const std::vector<std::string>& names, bool merged,
                 size_t row_count) {
  const StudySpec& spec = board.study.study.spec;
  const bool staged = StageCount(spec) > 1;
  const bool named = std::any_of(board.rows.begin(), board.rows.end(),
                                 [](const auto& row) { return !row.trial.name.empty(); });
  Table table;
  table.columns = {{"rank", Align::kRight}, {"trial", Align::kRight}};
  if (named) table.columns.push_back({"name", Align::kLeft, true});
  if (staged) table.columns.push_back({"stage", Align::kRight});
  const bool fresh = HasFinalRuns(board);
  table.columns.push_back({"state"});
  if (fresh) table.columns.push_back({StrCat("final ", spec.objective.metric), Align::kRight});
  const std::vector<FurtherObjective>& further = spec.objective.further;
  if (!further.empty()) table.columns.insert(table.columns.begin(), {"front", Align::kRight});
  table.columns.push_back({spec.objective.metric, Align::kRight});
  for (const auto& one : further) table.columns.push_back({one.metric, Align::kRight});
  table.columns.push_back({"epoch", Align::kRight});
  if (merged) {
    if (!names.empty()) table.columns.push_back({"parameters", Align::kLeft, true});
  } else {
    for (const std::string& name : names) table.columns.push_back({name});
  }
  table.columns.push_back({"elapsed", Align::kRight});
  table.columns.push_back({"ETA", Align::kRight});
  table.columns.push_back({"worker", Align::kLeft, true});

  for (size_t i = 0; i < row_count; ++i) {
    const LeaderboardRowView& row = board.rows[i];
    const Trial& trial = row.trial;
    // Of a study of several objectives the whole front.
    const bool best = further.empty() ? row.rank == 1 : row.front == 1;
    const Tint tint = best ? Tint::kBold : Tint::kPlain;
    std::vector<Cell> cells = {{row.rank > 0 ? StrCat(row.rank) : "-", tint},
                               {StrCat(trial.number), tint}};
    if (!further.empty()) cells.insert(cells.begin(), {FrontText(row), tint});
    if (named) cells.push_back({trial.name, tint});
    if (staged) cells.push_back({StrCat(trial.stage)});
    cells.push_back({std::string(ToText(StateOfRow(row))), TintOf(StateOfRow(row))});
    const Tint score_tint = best ? Tint::kGood : Tint::kPlain;
    if (fresh) cells.push_back({row.final_runs ? RunsText(*row.final_runs) : "", score_tint});
    const bool selected = row.final_runs.has_value();
    cells.push_back({SearchTextOfRow(row), selected ? Tint::kDim : score_tint});
    for (size_t k = 0; k < further.size(); ++k) {
      cells.push_back({FurtherText(trial, k), score_tint});
    }
    cells.push_back({EpochText(row, PlannedEpochs(spec, row.trial))});
    if (merged) {
      std::vector<std::string> parts;
      for (const std::string& name : names) {
        const std::string value = ShortValueOf(trial.configuration, name);
        if (!value.empty()) parts.push_back(StrCat(name, "=", value));
      }
      if (!names.empty()) cells.push_back({absl::StrJoin(parts, " ")});
    } else {
      for (const std::string& name : names)
        cells.push_back({ShortValueOf(trial.configuration, name)});
    }
    cells.push_back({row.elapsed.count() > 0 ? FormatDuration(row.elapsed) : ""});
    cells.push_back({row.eta.has_value() ? FormatDuration(*row.eta) : ""});
    cells.push_back({trial.worker, Tint::kDim});
    table.rows.push_back(std::move(cells));
  }
  return table;
}

// "trial 3 infeasible: REASON", a line each; beyond kMostReasons, or more than `max_lines` (0: any
// number), the last one counts the rest. Lines are cut at `width` columns; 0 leaves them whole.
std::vector<std::string> ReasonLines(const LeaderboardView& board, size_t max_lines, int width) {
  std::vector<std::string> lines;
  for (const LeaderboardRowView& row : board.rows) {
    if (!EndedInTrouble(StateOfRow(row))) continue;
    lines.push_back(StrCat("trial ", row.trial.number, " ", ToText(StateOfRow(row)), ": ",
                           SafeText(TroubleTextOfRow(row))));
  }
  size_t shown = std::min(kMostReasons, lines.size());
  if (max_lines > 0 && max_lines < shown + (shown < lines.size() ? 1 : 0)) shown = max_lines - 1;
  if (const size_t left = lines.size() - shown; left > 0) {
    lines.resize(shown);
    lines.push_back(StrCat(shown > 0 ? "... and " : "", Count(static_cast<int64_t>(left), "trial"),
                           shown > 0 ? " more" : "",
                           " that failed, diverged or could not run (vizsla trial N tells why)"));
  }
  if (width > 0) {
    for (std::string& line : lines) line = Truncate(line, width);
  }
  return lines;
}

std::string CsvField(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

// Digits that read back equal; NaN and infinities as words that spreadsheets and pandas know.
std::string CsvNumber(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return nlohmann::json(value).dump();
}

std::string CsvSeconds(Milliseconds duration) {
  return nlohmann::json(duration.count() / 1000.0).dump();
}

}  // namespace

std::string RenderLeaderboard(const LeaderboardView& board, const RenderOptions& options,
                              int max_rows) {
  std::string text = RenderStudyHeader(board.study, board.eta, options);
  text += "\n";
  if (board.rows.empty()) {
    text += "No trial has been made yet: workers make them as they ask for work.\n";
    return text;
  }
  const std::vector<std::string> names = VaryingParameters(board);
  size_t shown = board.rows.size();
  std::vector<std::string> reasons;
  if (max_rows <= 0) {
    reasons = ReasonLines(board, /*max_lines=*/0, /*width=*/0);
  } else {
    // Reasons take at most half of the room, and no line wraps.
    const auto room = static_cast<size_t>(max_rows);
    if (room > 1) reasons = ReasonLines(board, room / 2, options.width);
    shown = std::min(room - reasons.size(), shown);
  }
  Table table = BuildTable(board, names, /*merged=*/false, shown);
  if (options.width > 0 && TableWidth(table) > options.width) {
    table = BuildTable(board, names, /*merged=*/true, shown);
  }
  text += RenderTable(table, options);
  const int64_t all = board.total_rows > 0 ? board.total_rows : board.total_trials;
  const int64_t left = std::max<int64_t>(all, board.rows.size()) - shown;
  if (left > 0) absl::StrAppend(&text, "... and ", left, " more\n");
  for (const std::string& line : reasons) absl::StrAppend(&text, line, "\n");
  const auto dropped = std::count_if(board.rows.begin(), board.rows.end(),
                                     [](const auto& row) { return row.trial.checkpoint_dropped; });
  if (dropped > 0 && max_rows <= 0) {
    absl::StrAppend(&text, "the checkpoints of ", Count(dropped, "trial"),
                    " here were removed to keep within the byte budget\n");
  }
  return text;
}

std::string LeaderboardToCsv(const LeaderboardView& board) {
  const StudySpec& spec = board.study.study.spec;
  std::set<std::string> metric_names;
  for (const LeaderboardRowView& row : board.rows) {
    for (const auto& [name, value] : row.metrics) metric_names.insert(name);
  }
  const bool staged = StageCount(spec) > 1;
  const bool fronts = !spec.objective.further.empty();
  std::vector<std::string> fields = {"rank", "trial", "name"};
  if (fronts) fields.emplace_back("front");
  if (staged) fields.emplace_back("stage");
  for (const char* name : {"state", "objective", "epoch", "epochs", "best_epoch"}) {
    fields.emplace_back(name);
  }
  const bool runs = HasRuns(board);
  if (runs) {
    for (const char* name :
         {"mean", "half_width", "n", "final_mean", "final_half_width", "final_n"}) {
      fields.emplace_back(name);
    }
  }
  const std::vector<std::string> names = ParameterNames(board);
  for (const std::string& name : names) fields.push_back(CsvField("params." + name));
  for (const std::string& name : metric_names) fields.push_back(CsvField("metrics." + name));
  for (const char* name : {"worker", "attempt", "elapsed_seconds", "eta_seconds", "reason"}) {
    fields.emplace_back(name);
  }
  std::string text = absl::StrJoin(fields, ",") + "\n";
  for (const LeaderboardRowView& row : board.rows) {
    const Trial& trial = row.trial;
    fields = {row.rank > 0 ? StrCat(row.rank) : "", StrCat(trial.number), CsvField(trial.name)};
    if (fronts) fields.push_back(row.front > 0 ? StrCat(row.front) : "");
    if (staged) fields.push_back(StrCat(trial.stage));
    fields.emplace_back(ToText(trial.state));
    fields.push_back(trial.score.has_value() ? CsvNumber(*trial.score) : "");
    fields.push_back(StrCat(trial.epoch));
    fields.push_back(StrCat(PlannedEpochs(spec, trial)));
    fields.push_back(trial.best_epoch > 0 ? StrCat(trial.best_epoch) : "");
    if (runs) {
      for (const auto& summary : {row.search_runs, row.final_runs}) {
        fields.push_back(summary && summary->mean ? CsvNumber(*summary->mean) : "");
        fields.push_back(summary && summary->half_width ? CsvNumber(*summary->half_width) : "");
        fields.push_back(summary ? StrCat(summary->scored) : "");
      }
    }
    for (const std::string& name : names) {
      fields.push_back(CsvField(ValueTextOf(trial.configuration, name)));
    }
    for (const std::string& name : metric_names) {
      const auto it = row.metrics.find(name);
      fields.push_back(it == row.metrics.end() ? "" : CsvNumber(it->second));
    }
    fields.push_back(CsvField(trial.worker));
    fields.push_back(StrCat(trial.attempt.value()));
    fields.push_back(CsvSeconds(row.elapsed));
    fields.push_back(row.eta.has_value() ? CsvSeconds(*row.eta) : "");
    fields.push_back(CsvField(trial.reason));
    absl::StrAppend(&text, absl::StrJoin(fields, ","), "\n");
  }
  return text;
}

std::vector<std::string> DescribeChanges(const LeaderboardView& before,
                                         const LeaderboardView& after) {
  std::map<int64_t, const LeaderboardRowView*> old_rows;
  for (const LeaderboardRowView& row : before.rows) old_rows[row.trial.number] = &row;
  const std::string& metric = after.study.study.spec.objective.metric;
  std::vector<std::string> lines;
  if (before.study.study.state != after.study.study.state) {
    lines.push_back(
        StrCat("study ", after.study.study.spec.name, " is ", ToText(after.study.study.state)));
  }
  for (const LeaderboardRowView& row : after.rows) {
    const Trial& now = row.trial;
    const auto it = old_rows.find(now.number);
    if (it != old_rows.end()) {
      const Trial& then = it->second->trial;
      const bool same_score =
          then.score == now.score || (then.score.has_value() && now.score.has_value() &&
                                      std::isnan(*then.score) && std::isnan(*now.score));
      if (then.state == now.state && then.epoch == now.epoch && same_score) continue;
    }
    std::string line = StrCat("trial ", now.number, " ", ToText(now.state), " epoch ", now.epoch,
                              "/", PlannedEpochs(after.study.study.spec, now));
    if (now.score.has_value()) absl::StrAppend(&line, " ", metric, " ", FormatMetric(*now.score));
    for (size_t k = 0; k < now.further_values.size(); ++k) {
      const auto& further = after.study.study.spec.objective.further;
      if (k < further.size()) {
        absl::StrAppend(&line, " ", further[k].metric, " ", FurtherText(now, k));
      }
    }
    if (row.rank > 0) absl::StrAppend(&line, " rank ", row.rank);
    if (row.front == 1) line += " on the Pareto front";
    if (!now.reason.empty()) absl::StrAppend(&line, ": ", SafeText(now.reason));
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace vizsla
