#include "src/scheduling/board.h"

#include <algorithm>
#include <utility>

#include "src/scheduling/repeat_policy.h"
#include "src/scheduling/run_reports.h"

namespace vizsla {

namespace {

// Beyond so many rows one walk over the study's trials is less work than a look for each.
constexpr size_t kManyRows = 1000;

absl::StatusOr<std::map<TrialId, Trial>> ReadShown(TrialReader& reader, StudyId study,
                                                   const std::vector<StandingsRow>& rows) {
  std::map<TrialId, Trial> shown;
  if (rows.size() <= kManyRows) {
    for (const StandingsRow& row : rows) {
      VIZSLA_ASSIGN_OR_RETURN(shown[row.trial], reader.GetTrial(row.trial));
    }
    return shown;
  }
  for (const StandingsRow& row : rows) shown[row.trial];
  VIZSLA_RETURN_IF_ERROR(reader.ForEachTrial(study, [&](const Trial& trial) {
    const auto found = shown.find(trial.id);
    if (found != shown.end()) found->second = trial;
    return absl::OkStatus();
  }));
  return shown;
}

}  // namespace

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

std::optional<Milliseconds> StudyEta(const StudyPace& pace, std::optional<int64_t> planned) {
  if (!planned || pace.measured == 0 || pace.running.empty()) return std::nullopt;
  const auto running = static_cast<int64_t>(pace.running.size());
  const Milliseconds mean = pace.spent / pace.measured;
  Milliseconds work = mean * std::max<int64_t>(0, *planned - pace.ended - running);
  for (const Milliseconds elapsed : pace.running) work += std::max(Milliseconds(0), mean - elapsed);
  return work / running;
}

absl::StatusOr<Board> BuildBoard(TrialReader& reader, const BoardInput& input,
                                 const StandingsView& standings) {
  const Study& study = input.study;
  Board board;
  board.study = study;
  board.total_trials = standings.total_trials;
  board.total_rows = standings.total_rows;
  board.trial_counts = standings.trial_counts;
  board.planned_trials = PlannedRuns(study, standings.runs, standings.total_trials);
  board.eta = StudyEta(standings.pace, board.planned_trials);
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<EvaluationRow> evaluations,
                          reader.ListEvaluations(study.id));
  for (const EvaluationRow& evaluation : evaluations) {
    if (evaluation.split == "test") ++board.test_uses;
  }
  VIZSLA_ASSIGN_OR_RETURN(auto shown, ReadShown(reader, study.id, standings.rows));
  const bool repeated = HasRepeats(study.spec);
  for (const StandingsRow& standing : standings.rows) {
    BoardRow row;
    row.rank = standing.rank;
    row.front = standing.front;
    row.trial = std::move(shown.at(standing.trial));
    if (repeated) row.search = standing.search;
    row.fresh = standing.fresh;
    row.elapsed = standing.trained;
    const Trial& trial = row.trial;
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<EpochReport> reports, reader.ListReports(trial.id));
    row.eta = TrialEta(trial, reports, PlannedEpochs(study.spec, trial), input.now);
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
