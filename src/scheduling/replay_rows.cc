#include "src/scheduling/replay_rows.h"

#include <algorithm>

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
    metrics_ = LoggedMetrics(study_.spec.objective);
  }
  if (event.created) study_.id = StudyId(1);
  study_.state = event.state;
  return absl::OkStatus();
}

absl::StatusOr<Trial> ReplayRows::Apply(const TrialCreatedEvent& event) {
  const auto [place, added] = trials_.try_emplace(event.number);
  if (!added) return absl::DataLossError(StrCat("trial ", event.number, " is created twice"));
  const LoggedTrial& logged = event.trial;
  Trial& trial = place->second;
  trial.id = TrialId(event.number);
  trial.study = study_.id;
  trial.number = event.number;
  trial.stage = logged.stage;
  if (trial.stage < 1 || trial.stage > StageCount(study_.spec)) {
    return absl::DataLossError(StrCat("trial ", event.number, " is of stage ", trial.stage,
                                      ", which the study does not have"));
  }
  trial.name = logged.name;
  VIZSLA_ASSIGN_OR_RETURN(trial.configuration,
                          ConfigurationFromJsonText(logged.configuration_json));
  trial.warm_start = logged.warm_start;
  trial.state = logged.state;
  trial.attempt = AttemptNumber(logged.attempt);
  trial.epoch = logged.epoch;
  trial.rung = logged.rung;
  trial.score = logged.score;
  trial.best_epoch = logged.best_epoch;
  trial.best_checkpoint = logged.best_checkpoint;
  return trial;
}

absl::StatusOr<Trial> ReplayRows::Apply(const TrialChangedEvent& event) {
  VIZSLA_ASSIGN_OR_RETURN(Trial* const trial, Require(event.number));
  if (event.state) trial->state = *event.state;
  if (event.attempt) trial->attempt = AttemptNumber(*event.attempt);
  if (event.epoch) trial->epoch = *event.epoch;
  if (event.rung) trial->rung = *event.rung;
  if (event.score) trial->score = *event.score;
  if (event.best_epoch) trial->best_epoch = *event.best_epoch;
  if (event.best_checkpoint) trial->best_checkpoint = *event.best_checkpoint;
  if (event.configuration_json) {
    VIZSLA_ASSIGN_OR_RETURN(trial->configuration,
                            ConfigurationFromJsonText(*event.configuration_json));
  }
  if (event.warm_start) trial->warm_start = *event.warm_start;
  return *trial;
}

absl::StatusOr<EpochReport> ReplayRows::Apply(const ReportEvent& event) {
  VIZSLA_RETURN_IF_ERROR(Require(event.number).status());
  if (event.values.size() != metrics_.size()) {
    return absl::DataLossError(StrCat("epoch ", event.epoch, " of trial ", event.number, " has ",
                                      event.values.size(), " values instead of ", metrics_.size()));
  }
  EpochReport& report = reports_[event.number][event.epoch];
  report = {};
  report.epoch = event.epoch;
  report.attempt = AttemptNumber(event.attempt);
  for (size_t i = 0; i < metrics_.size(); ++i) report.metrics[metrics_[i]] = event.values[i];
  return report;
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

absl::StatusOr<int64_t> ReplayRows::CountTrials(StudyId, std::span<const TrialState> states) {
  return std::count_if(trials_.begin(), trials_.end(),
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
