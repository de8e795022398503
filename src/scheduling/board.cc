#include "src/scheduling/board.h"

#include <algorithm>
#include <cmath>

#include "src/scheduling/repeat_policy.h"
#include "src/scheduling/run_reports.h"
#include "src/study/trial_groups.h"

namespace vizsla {

Milliseconds TrainingTime(const std::vector<AttemptRow>& attempts, Timestamp now) {
  Milliseconds total{0};
  for (const AttemptRow& attempt : attempts) {
    total += std::max(Milliseconds(0), attempt.ended_at.value_or(now) - attempt.started_at);
  }
  return total;
}

std::optional<Milliseconds> TrialEta(const Trial& trial, std::span<const EpochReport> reports,
                                     int epochs, Timestamp now) {
  if (trial.state != TrialState::kRunning) return std::nullopt;
  Milliseconds trained{0};
  int count = 0;
  Timestamp newest{};
  int reached = trial.last_checkpoint_epoch;
  for (const EpochReport& report : UpToEpoch(reports, trial.epoch)) {
    trained += report.duration;
    ++count;
    if (report.attempt == trial.attempt) {
      newest = report.reported_at;
      reached = report.epoch;
    }
  }
  if (count == 0) return std::nullopt;
  const Milliseconds mean = trained / count;
  const Milliseconds in_epoch =
      newest == Timestamp{} ? Milliseconds(0) : std::min(mean, now - newest);
  return std::max(Milliseconds(0), mean * std::max(0, epochs - reached) - in_epoch);
}

std::optional<Milliseconds> StudyEta(std::span<const Trial> trials,
                                     const std::map<TrialId, Milliseconds>& trained,
                                     std::optional<int64_t> planned) {
  if (!planned) return std::nullopt;
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
  if (measured == 0 || running.empty()) return std::nullopt;
  const Milliseconds mean = spent / measured;
  Milliseconds work =
      mean * std::max<int64_t>(0, *planned - ended - static_cast<int64_t>(running.size()));
  for (const Milliseconds elapsed : running) work += std::max(Milliseconds(0), mean - elapsed);
  return work / static_cast<int64_t>(running.size());
}

absl::StatusOr<Board> BuildBoard(TrialReader& reader, const BoardInput& input) {
  Board board;
  board.study = input.study;
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, reader.ListTrials(input.study.id, {}));
  board.total_trials = static_cast<int64_t>(trials.size());
  for (const Trial& trial : trials) ++board.trial_counts[std::string(ToText(trial.state))];
  std::vector<TrialGroup> groups = GroupTrials(trials);
  board.planned_trials = PlannedRuns(input.study, groups, board.total_trials);
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<EvaluationRow> evaluations,
                          reader.ListEvaluations(input.study.id));
  for (const EvaluationRow& evaluation : evaluations) {
    if (evaluation.split == "test") ++board.test_uses;
  }
  std::map<TrialId, Milliseconds> trained;
  for (const Trial& trial : trials) {
    if (!trial.started_at) continue;
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<AttemptRow> attempts, reader.ListAttempts(trial.id));
    trained[trial.id] = TrainingTime(attempts, input.now);
  }
  board.eta = StudyEta(trials, trained, board.planned_trials);

  const Objective& objective = input.study.spec.objective;
  const std::vector<int> fronts = SortByRank(objective, groups);
  board.total_rows = static_cast<int64_t>(groups.size());
  if (input.top > 0 && groups.size() > static_cast<size_t>(input.top)) {
    groups.resize(static_cast<size_t>(input.top));
  }
  const bool repeated = HasRepeats(input.study.spec);
  int rank = 0;
  for (size_t i = 0; i < groups.size(); ++i) {
    const TrialGroup& group = groups[i];
    BoardRow row;
    if (!fronts.empty()) row.front = fronts[i];
    // A score that is no number never wins, so it has no place either.
    if (fronts.empty() ? HasRank(group) : fronts[i] > 0) row.rank = ++rank;
    row.trial = Representative(objective, group);
    if (repeated) row.search = Summarize(group.search);
    if (!group.fresh.empty()) row.fresh = Summarize(group.fresh);
    for (const auto* runs : {&group.search, &group.fresh}) {
      for (const Trial* run : *runs) row.elapsed += trained[run->id];
    }
    const Trial& trial = row.trial;
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<EpochReport> reports, reader.ListReports(trial.id));
    row.eta = TrialEta(trial, reports, PlannedEpochs(input.study.spec, trial), input.now);
    for (const EpochReport& report : reports) {
      if (report.epoch == trial.best_epoch) row.metrics = report.metrics;
    }
    if (trial.state == TrialState::kRunning) {
      const auto progress = input.progress.find(trial.id);
      if (progress != input.progress.end()) row.progress = progress->second;
    }
    board.rows.push_back(std::move(row));
  }
  return board;
}

}  // namespace vizsla
