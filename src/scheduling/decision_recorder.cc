#include "src/scheduling/decision_recorder.h"

#include <algorithm>
#include <limits>

#include "src/base/check.h"

namespace vizsla {

void DecisionRecorder::Begin(TrialWriter& writer) {
  writer_ = &writer;
  if (!stored_) parts_.clear();
  stored_ = false;
  events_.clear();
  trials_.clear();
  listed_ = TrialId();
  reports_.clear();
}

absl::Status DecisionRecorder::Store(Timestamp now) {
  for (auto& [study, events] : events_) {
    if (!events.any) continue;
    if (introduced_.insert(study).second) {
      std::string introduced;
      Encode(ProgramEvent{VIZSLA_VERSION, kDecisionAlgorithms}, introduced);
      events.bytes.insert(0, introduced);
    }
    const absl::Status appended = to().AppendDecisions(study, now, events.bytes);
    if (!appended.ok()) {
      Forget();
      return appended;
    }
  }
  stored_ = true;
  return absl::OkStatus();
}

void DecisionRecorder::Forget() {
  introduced_.clear();
  parts_.clear();
}

void DecisionRecorder::Note(StudyId study, const LogEvent& event) {
  Events& events = events_[study];
  Encode(event, events.bytes);
  events.any = true;
}

void DecisionRecorder::NoteIfAny(StudyId study, const LogEvent& event) {
  Encode(event, events_[study].bytes);
}

absl::StatusOr<Study> DecisionRecorder::GetStudy(StudyId id) {
  VIZSLA_ASSIGN_OR_RETURN(Study study, to().GetStudy(id));
  if (!parts_.contains(id)) parts_[id] = LoggedPartsOf(study.spec);
  return study;
}

absl::StatusOr<const LoggedParts*> DecisionRecorder::PartsOf(StudyId study) {
  const auto known = parts_.find(study);
  if (known != parts_.end()) return &known->second;
  VIZSLA_RETURN_IF_ERROR(GetStudy(study).status());
  return &parts_.at(study);
}

absl::StatusOr<Trial> DecisionRecorder::FindTrial(StudyId study, int64_t number) {
  VIZSLA_ASSIGN_OR_RETURN(Trial trial, to().FindTrial(study, number));
  trials_[trial.id] = trial;
  return trial;
}

absl::StatusOr<std::optional<Trial>> DecisionRecorder::FirstQueued(StudyId study) {
  VIZSLA_ASSIGN_OR_RETURN(std::optional<Trial> trial, to().FirstQueued(study));
  if (trial) trials_[trial->id] = *trial;
  return trial;
}

absl::StatusOr<std::vector<EpochReport>> DecisionRecorder::ListReports(TrialId trial) {
  VIZSLA_ASSIGN_OR_RETURN(std::vector<EpochReport> reports, to().ListReports(trial));
  listed_ = trial;
  reports_.clear();
  for (const EpochReport& report : reports) reports_.emplace_back(report.epoch, report.attempt);
  return reports;
}

absl::StatusOr<StudyId> DecisionRecorder::InsertStudy(const Study& study) {
  VIZSLA_ASSIGN_OR_RETURN(const StudyId id, to().InsertStudy(study));
  Note(id, StudyEvent{true, study.state, ToJsonText(study.spec)});
  return id;
}

absl::Status DecisionRecorder::UpdateStudy(const Study& study) {
  VIZSLA_ASSIGN_OR_RETURN(const Study before, to().GetStudy(study.id));
  VIZSLA_RETURN_IF_ERROR(to().UpdateStudy(study));
  StudyEvent event;
  event.state = study.state;
  if (before.spec != study.spec) event.spec_json = ToJsonText(study.spec);
  if (event.spec_json || before.state != study.state) Note(study.id, event);
  return absl::OkStatus();
}

absl::Status DecisionRecorder::DeleteStudy(StudyId id) {
  VIZSLA_RETURN_IF_ERROR(to().DeleteStudy(id));
  events_.erase(id);
  parts_.erase(id);
  std::erase_if(trials_, [&](const auto& entry) { return entry.second.study == id; });
  return absl::OkStatus();
}

absl::StatusOr<TrialId> DecisionRecorder::InsertTrial(const Trial& trial) {
  VIZSLA_ASSIGN_OR_RETURN(const TrialId id, to().InsertTrial(trial));
  VIZSLA_ASSIGN_OR_RETURN(const LoggedParts* const parts, PartsOf(trial.study));
  Note(trial.study,
       TrialCreatedEvent{trial.number, Difference(Trial(), trial, *parts).value_or(LoggedTrial())});
  Trial& known = trials_[id];
  known = trial;
  known.id = id;
  return id;
}

absl::Status DecisionRecorder::UpdateTrial(const Trial& trial) {
  VIZSLA_ASSIGN_OR_RETURN(const LoggedParts* const parts, PartsOf(trial.study));
  std::optional<LoggedTrial> changes;
  const auto known = trials_.find(trial.id);
  if (known != trials_.end()) {
    changes = Difference(known->second, trial, *parts);
  } else {
    VIZSLA_RETURN_IF_ERROR(to().LookAtTrial(
        trial.id, [&](const Trial& before) { changes = Difference(before, trial, *parts); }));
  }
  VIZSLA_RETURN_IF_ERROR(to().UpdateTrial(trial));
  if (changes) Note(trial.study, TrialChangedEvent{trial.number, *std::move(changes)});
  if (known != trials_.end()) known->second = trial;
  return absl::OkStatus();
}

absl::Status DecisionRecorder::UpsertReport(TrialId id, const EpochReport& report) {
  if (listed_ != id) VIZSLA_RETURN_IF_ERROR(ListReports(id).status());
  VIZSLA_RETURN_IF_ERROR(to().UpsertReport(id, report));
  const std::pair key(report.epoch, report.attempt);
  // Otherwise only its checkpoint was let go of: what was reported stays.
  if (std::find(reports_.begin(), reports_.end(), key) != reports_.end()) return absl::OkStatus();
  reports_.push_back(key);
  StudyId study;
  int64_t number = 0;
  VIZSLA_RETURN_IF_ERROR(to().LookAtTrial(id, [&](const Trial& trial) {
    study = trial.study;
    number = trial.number;
  }));
  VIZSLA_ASSIGN_OR_RETURN(const LoggedParts* const parts, PartsOf(study));
  ReportEvent event{number, report.epoch, report.attempt.value(), HasDiverged(report), {}};
  for (const std::string& name : parts->metrics) {
    const auto metric = report.metrics.find(name);
    event.values.push_back(
        metric != report.metrics.end() ? metric->second : std::numeric_limits<double>::quiet_NaN());
  }
  Note(study, event);
  return absl::OkStatus();
}

}  // namespace vizsla
