// A leaderboard computed from all trials at once, without anything kept: what the scheduler's must
// equal.
#pragma once

#include <algorithm>
#include <map>
#include <vector>

#include "src/scheduling/repeat_policy.h"
#include "src/scheduling/scheduler.h"
#include "src/study/trial_groups.h"

namespace vizsla {

struct ReferenceBoard {
  struct Row {
    int rank = 0;
    int front = 0;
    int64_t trial = 0;
    std::optional<RunsSummary> search;
    std::optional<RunsSummary> fresh;
    Milliseconds elapsed{0};
    bool operator==(const Row&) const = default;
  };
  std::vector<Row> rows;
  int64_t total_trials = 0;
  int64_t total_rows = 0;
  std::map<std::string, int64_t> trial_counts;
  std::optional<int64_t> planned_trials;
  std::optional<Milliseconds> eta;
  bool operator==(const ReferenceBoard&) const = default;
};

inline Milliseconds TrainingTime(const std::vector<AttemptRow>& attempts, Timestamp now) {
  Milliseconds total{0};
  for (const AttemptRow& attempt : attempts) {
    total += std::max(Milliseconds(0), attempt.ended_at.value_or(now) - attempt.started_at);
  }
  return total;
}

inline std::optional<int64_t> PlannedOf(const Study& study, const std::vector<TrialGroup>& groups,
                                        int64_t trials) {
  RunCounts counts;
  for (const TrialGroup& group : groups) {
    const auto stage = static_cast<size_t>(group.first().stage);
    if (counts.configurations.size() < stage) counts.configurations.resize(stage);
    ++counts.configurations[stage - 1];
    counts.final_runs_begun = counts.final_runs_begun || !group.fresh.empty();
    if (!IsFinished(group.first().state)) continue;
    ++counts.ended_firsts;
    counts.runs_of_ended_firsts += std::ssize(group.search);
  }
  return PlannedRuns(study, counts, trials);
}

inline std::optional<Milliseconds> EtaOf(const std::vector<Trial>& trials,
                                         const std::map<TrialId, Milliseconds>& trained,
                                         std::optional<int64_t> planned) {
  Milliseconds spent{0};
  int64_t ended = 0;
  int64_t measured = 0;
  std::vector<Milliseconds> running;
  for (const Trial& trial : trials) {
    const auto time = trained.find(trial.id);
    if (IsFinished(trial.state)) {
      ++ended;
      if (time != trained.end() && MayWin(trial)) {
        spent += time->second;
        ++measured;
      }
    } else if (trial.state == TrialState::kRunning && time != trained.end()) {
      running.push_back(time->second);
    }
  }
  if (!planned || measured == 0 || running.empty()) return std::nullopt;
  const Milliseconds mean = spent / measured;
  Milliseconds work = mean * std::max<int64_t>(0, *planned - ended - std::ssize(running));
  for (const Milliseconds elapsed : running) work += std::max(Milliseconds(0), mean - elapsed);
  return work / std::ssize(running);
}

inline absl::StatusOr<ReferenceBoard> MakeReferenceBoard(TrialReader& reader, const Study& study,
                                                         int top, Timestamp now) {
  ReferenceBoard board;
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, reader.ListTrials(study.id, {}));
  board.total_trials = std::ssize(trials);
  std::map<TrialId, Milliseconds> trained;
  for (const Trial& trial : trials) {
    ++board.trial_counts[std::string(ToText(trial.state))];
    if (!trial.started_at) continue;
    VIZSLA_ASSIGN_OR_RETURN(const auto attempts, reader.ListAttempts(trial.id));
    trained[trial.id] = TrainingTime(attempts, now);
  }
  std::vector<TrialGroup> groups = GroupTrials(trials);
  board.total_rows = std::ssize(groups);
  board.planned_trials = PlannedOf(study, groups, board.total_trials);
  board.eta = EtaOf(trials, trained, board.planned_trials);
  const Objective& objective = study.spec.objective;
  const std::vector<int> fronts = SortByRank(objective, groups);
  int rank = 0;
  for (size_t i = 0; i < groups.size() && (top == 0 || i < static_cast<size_t>(top)); ++i) {
    const TrialGroup& group = groups[i];
    ReferenceBoard::Row row;
    if (!fronts.empty()) row.front = fronts[i];
    if (fronts.empty() ? HasRank(group) : fronts[i] > 0) row.rank = ++rank;
    row.trial = Representative(objective, group).number;
    if (HasRepeats(study.spec)) row.search = Summarize(group.search);
    if (!group.fresh.empty()) row.fresh = Summarize(group.fresh);
    for (const auto* runs : {&group.search, &group.fresh}) {
      for (const Trial* run : *runs) row.elapsed += trained[run->id];
    }
    board.rows.push_back(std::move(row));
  }
  return board;
}

// The same parts of a scheduler's board.
inline ReferenceBoard PartsOf(const Board& board) {
  ReferenceBoard parts{
      {},       board.total_trials, board.total_rows, board.trial_counts, board.planned_trials,
      board.eta};
  for (const BoardRow& row : board.rows) {
    parts.rows.push_back(
        {row.rank, row.front, row.trial.number, row.search, row.fresh, row.elapsed});
  }
  return parts;
}

}  // namespace vizsla
