#include "src/scheduling/replay_rows.h"

#include <algorithm>
#include <iterator>

namespace vizsla {
namespace {

bool Wanted(const Trial& trial, std::span<const TrialState> states) {
  return states.empty() || std::find(states.begin(), states.end(), trial.state) != states.end();
}

absl::Status NotInTheLog() { return absl::UnimplementedError("this is not in the log"); }

}  // namespace

absl::Status ReplayRows::Apply(const StudyEvent& event) {
  if (event.spec_json) {
    VIZSLA_ASSIGN_OR_RETURN(study_.spec, StudySpecFromJsonText(*event.spec_json));
    parts_ = LoggedPartsOf(study_.spec);
  }
  if (event.created) study_.id = StudyId(1);
  study_.state = event.state;
  return absl::OkStatus();
}

absl::StatusOr<Trial> ReplayRows::Apply(const TrialCreatedEvent& event) {
  const auto [place, added] = trials_.try_emplace(event.number);
  if (!added) return absl::DataLossError(StrCat("trial ", event.number, " is created twice"));
  Trial& trial = place->second;
  trial.id = TrialId(event.number);
  trial.study = study_.id;
  trial.number = event.number;
  VIZSLA_RETURN_IF_ERROR(vizsla::Apply(event.trial, trial));
  if (trial.stage >= 1 && trial.stage <= StageCount(study_.spec)) return trial;
  return absl::DataLossError(StrCat("trial ", event.number, " is of stage ", trial.stage,
                                    ", which the study does not have"));
}

absl::StatusOr<Trial> ReplayRows::Apply(const TrialChangedEvent& event) {
  VIZSLA_ASSIGN_OR_RETURN(Trial* const trial, Require(event.number));
  VIZSLA_RETURN_IF_ERROR(vizsla::Apply(event.changes, *trial));
  return *trial;
}

absl::StatusOr<ReplayRows::Reported> ReplayRows::Apply(const ReportEvent& event) {
  VIZSLA_RETURN_IF_ERROR(Require(event.number).status());
  const std::vector<std::string>& metrics = parts_.metrics;
  if (event.values.size() != metrics.size()) {
    return absl::DataLossError(StrCat("epoch ", event.epoch, " of trial ", event.number, " has ",
                                      event.values.size(), " values instead of ", metrics.size()));
  }
  EpochReport report;
  report.epoch = event.epoch;
  report.attempt = AttemptNumber(event.attempt);
  for (size_t i = 0; i < metrics.size(); ++i) report.metrics[metrics[i]] = event.values[i];
  std::set<int>& diverged = diverged_[event.number];
  diverged.erase(event.epoch);
  if (event.diverged) diverged.insert(event.epoch);
  const bool added = reports_[event.number].insert_or_assign(event.epoch, report).second;
  return Reported{std::move(report), added};
}

void ReplayRows::Apply(const LearnedEvent& event) {
  ++learned_sources_;
  learned_.insert(learned_.end(), event.trials.begin(), event.trials.end());
}

bool ReplayRows::HasDiverged(const Trial& trial) const {
  const auto found = diverged_.find(trial.number);
  return found != diverged_.end() && !found->second.empty() &&
         *found->second.begin() <= trial.epoch;
}

int64_t ReplayRows::CountReports() const {
  int64_t count = 0;
  for (const auto& [number, reports] : reports_) count += std::ssize(reports);
  return count;
}

const Trial* ReplayRows::Find(int64_t number) const {
  const auto found = trials_.find(number);
  return found == trials_.end() ? nullptr : &found->second;
}

absl::StatusOr<Trial*> ReplayRows::Require(int64_t number) {
  const auto found = trials_.find(number);
  if (found == trials_.end()) {
    return absl::DataLossError(StrCat("trial ", number, " was never created"));
  }
  return &found->second;
}

absl::StatusOr<std::vector<Study>> ReplayRows::ListStudies() { return std::vector<Study>{study_}; }
absl::StatusOr<Study> ReplayRows::GetStudy(StudyId) { return study_; }
absl::StatusOr<Study> ReplayRows::FindStudy(std::string_view) { return study_; }

absl::StatusOr<Trial> ReplayRows::GetTrial(TrialId id) { return FindTrial(study_.id, id.value()); }

absl::StatusOr<Trial> ReplayRows::FindTrial(StudyId, int64_t number) {
  VIZSLA_ASSIGN_OR_RETURN(const Trial* const trial, Require(number));
  return *trial;
}

absl::StatusOr<std::vector<Trial>> ReplayRows::ListTrials(StudyId,
                                                          std::span<const TrialState> states) {
  std::vector<Trial> trials;
  for (const auto& [number, trial] : trials_) {
    if (Wanted(trial, states)) trials.push_back(trial);
  }
  return trials;
}

absl::Status ReplayRows::ForEachTrial(StudyId,
                                      const std::function<absl::Status(const Trial&)>& each) {
  for (const auto& [number, trial] : trials_) VIZSLA_RETURN_IF_ERROR(each(trial));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Trial>> ReplayRows::ListRuns(StudyId, int64_t first) {
  std::vector<Trial> runs;
  for (const auto& [number, trial] : trials_) {
    if (number == first || trial.repeat_of == first) runs.push_back(trial);
  }
  return runs;
}

// Times of attempts are not in the log; no decision looks at them.
absl::StatusOr<std::vector<TrialSummary>> ReplayRows::SummarizeTrials(StudyId) {
  std::vector<TrialSummary> summaries;
  for (const auto& [number, trial] : trials_) summaries.push_back(SummaryOf(trial));
  return summaries;
}

absl::StatusOr<int64_t> ReplayRows::CountTrials(StudyId, std::span<const TrialState> states) {
  return std::count_if(trials_.begin(), trials_.end(),
                       [&](const auto& entry) { return Wanted(entry.second, states); });
}

absl::StatusOr<bool> ReplayRows::AnyTrial(StudyId, std::span<const TrialState> states) {
  return std::any_of(trials_.begin(), trials_.end(),
                     [&](const auto& entry) { return Wanted(entry.second, states); });
}

absl::StatusOr<int64_t> ReplayRows::LastTrialNumber(StudyId) {
  return trials_.empty() ? 0 : trials_.rbegin()->first;
}

absl::StatusOr<std::optional<Trial>> ReplayRows::FirstQueued(StudyId) {
  for (const auto& [number, trial] : trials_) {
    if (trial.state == TrialState::kQueued) return std::optional<Trial>(trial);
  }
  return std::optional<Trial>();
}

absl::StatusOr<std::vector<EpochReport>> ReplayRows::ListReports(TrialId trial) {
  std::vector<EpochReport> reports;
  const auto found = reports_.find(trial.value());
  if (found == reports_.end()) return reports;
  for (const auto& [epoch, report] : found->second) reports.push_back(report);
  return reports;
}

absl::StatusOr<StopProgress> ReplayRows::GetStopProgress(StudyId) { return progress_; }
absl::StatusOr<std::vector<LearnedTrial>> ReplayRows::ListLearned(StudyId) { return learned_; }

absl::StatusOr<std::vector<StateSummary>> ReplayRows::SummarizeStates(StudyId) {
  return NotInTheLog();
}
absl::StatusOr<TrialSummary> ReplayRows::SummarizeTrial(TrialId id) {
  VIZSLA_ASSIGN_OR_RETURN(const Trial trial, GetTrial(id));
  return SummaryOf(trial);
}
absl::StatusOr<std::vector<Trial>> ReplayRows::ListHeldBy(const std::string&) {
  return NotInTheLog();
}
absl::StatusOr<std::vector<AttemptRow>> ReplayRows::ListAttempts(TrialId) { return NotInTheLog(); }
absl::StatusOr<std::vector<LogRow>> ReplayRows::ListLogs(TrialId) { return NotInTheLog(); }
absl::StatusOr<std::vector<EvaluationRow>> ReplayRows::ListEvaluations(StudyId) {
  return NotInTheLog();
}
absl::StatusOr<std::vector<DecisionRow>> ReplayRows::ListDecisions(StudyId, int64_t, int64_t) {
  return NotInTheLog();
}
absl::StatusOr<bool> ReplayRows::IsArtifactReferenced(const std::string&) { return NotInTheLog(); }
absl::StatusOr<std::string> ReplayRows::GetDatabaseId() { return NotInTheLog(); }

}  // namespace vizsla
