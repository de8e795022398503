// A leaderboard's row where a configuration has several runs: what stands for them.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "src/report/leaderboard.h"

namespace vizsla {

// Whether the board's rows are configurations, not trials.
bool HasRuns(const LeaderboardView& board);
// Whether some of them have final runs.
bool HasFinalRuns(const LeaderboardView& board);

// Of the final runs once there are any, then of the search's; otherwise the trial's.
TrialState StateOfRow(const LeaderboardRowView& row);
// What the row is ranked by: a mean where there are several runs. Nullopt: nothing yet.
std::optional<double> ScoreOfRow(const LeaderboardRowView& row);

// "0.7812 ± 0.0093 (3)": mean, half of the 95 % interval, number of runs behind them. "-" before
// all have ended; without the interval for one run.
std::string RunsText(const RunsSummary& runs);
// What the search found, without count for a single run: of a finalist what selected it.
std::string SearchTextOfRow(const LeaderboardRowView& row);
// The text of ScoreOfRow, with interval and count where the row has several runs.
std::string ScoreTextOfRow(const LeaderboardRowView& row);

// Null for nullopt.
nlohmann::ordered_json RunsToJson(const std::optional<RunsSummary>& runs);

}  // namespace vizsla
