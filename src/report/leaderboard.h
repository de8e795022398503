// The leaderboard and the trial page, as text, CSV and JSON. Pure: what to show comes in, text goes
// out. JSON follows docs/leaderboard.schema.json, trial.schema.json and studies.schema.json.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "src/report/table.h"
#include "src/study/study.h"
#include "src/study/trial.h"
#include "src/study/trial_groups.h"

namespace vizsla {

struct StudyView {
  Study study;                                  // active_time counts to now
  std::map<std::string, int64_t> trial_counts;  // by lower-case state
  int64_t test_uses = 0;
  std::optional<int64_t> planned_trials;
};

// A configuration. In a study with repeats or final runs `trial` is its run with the best score.
struct LeaderboardRowView {
  int rank = 0;   // 1 is best; 0: not ranked
  int front = 0;  // of a study of several objectives: 1 is the Pareto front; 0: none
  Trial trial;
  std::optional<RunsSummary> search_runs;  // in a study with repeats or final runs
  std::optional<RunsSummary> final_runs;   // of a configuration that was selected
  int running_epoch = 0;  // of the live attempt; 0: none, or features are being computed
  int64_t steps_done = 0;
  int64_t steps_total = 0;
  Milliseconds elapsed{0};
  std::optional<Milliseconds> eta;
  Metrics metrics;  // of the epoch that counts, trial.best_epoch
};

struct LeaderboardView {
  StudyView study;
  std::vector<LeaderboardRowView> rows;
  int64_t total_trials = 0;
  int64_t total_rows = 0;  // configurations; 0: as many as trials
  std::optional<Milliseconds> eta;
};

struct AttemptView {
  int64_t attempt = 0;
  std::string worker;
  std::string outcome;
  std::string reason;
  Timestamp started_at{};
  std::optional<Timestamp> ended_at;
};

struct TrialView {
  Study study;
  Trial trial;
  std::vector<int64_t> runs;        // all of its configuration, where it may have several
  std::vector<EpochReport> epochs;  // in order
  std::vector<AttemptView> attempts;
};

// Header, then one line a trial, then why trials failed, diverged or could not run: at most five of
// them, and how many more. Parameters that differ between trials have a column each; when that is
// wider than the terminal they share one. The stage is shown where a study has several. max_rows >
// 0 gives trials and reasons so many lines together, says which trials are left, and cuts reasons
// at the terminal's edge.
std::string RenderLeaderboard(const LeaderboardView& board, const RenderOptions& options,
                              int max_rows = 0);
// With a header line; `stage` stands in it when the study has more than one. Every parameter of the
// space is a column `params.NAME`, and so is every other one that a row has: an enqueued trial may
// leave the space.
std::string LeaderboardToCsv(const LeaderboardView& board);
nlohmann::ordered_json LeaderboardToJson(const LeaderboardView& board);

// One line for each trial whose state, epoch or score changed: for a board that is followed on a
// pipe.
std::vector<std::string> DescribeChanges(const LeaderboardView& before,
                                         const LeaderboardView& after);

std::string RenderTrial(const TrialView& trial, const RenderOptions& options);
// Its first lines: name, state, score, why it ended, notes.
std::string RenderTrialHeader(const TrialView& trial, const RenderOptions& options);
nlohmann::ordered_json TrialToJson(const TrialView& trial);

std::string RenderStudies(const std::vector<StudyView>& studies, const RenderOptions& options);
nlohmann::ordered_json StudyToJson(const StudyView& study);

// NaN and the infinities have no JSON: null.
nlohmann::ordered_json NumberToJson(double value);
nlohmann::ordered_json MetricsToJson(const Metrics& metrics);

// The JSON as the programs print it: indented, broken UTF-8 replaced, a line feed at the end.
std::string ToPrettyText(const nlohmann::ordered_json& json);

}  // namespace vizsla
