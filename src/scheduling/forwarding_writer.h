// A TrialWriter that hands every call to another one: what watches some of them derives from it.
#pragma once

#include "src/scheduling/trial_store.h"

namespace vizsla {

class ForwardingWriter : public TrialWriter {
 public:
  absl::StatusOr<std::vector<Study>> ListStudies() override { return to().ListStudies(); }
  absl::StatusOr<Study> GetStudy(StudyId id) override { return to().GetStudy(id); }
  absl::StatusOr<Study> FindStudy(std::string_view name) override { return to().FindStudy(name); }
  absl::StatusOr<Trial> GetTrial(TrialId id) override { return to().GetTrial(id); }
  absl::Status LookAtTrial(TrialId id, const std::function<void(const Trial&)>& look) override {
    return to().LookAtTrial(id, look);
  }
  absl::StatusOr<Trial> FindTrial(StudyId study, int64_t number) override {
    return to().FindTrial(study, number);
  }
  absl::StatusOr<std::vector<Trial>> ListTrials(StudyId study,
                                                std::span<const TrialState> states) override {
    return to().ListTrials(study, states);
  }
  absl::Status ForEachTrial(StudyId study,
                            const std::function<absl::Status(const Trial&)>& each) override {
    return to().ForEachTrial(study, each);
  }
  absl::StatusOr<std::vector<TrialSummary>> SummarizeTrials(StudyId study) override {
    return to().SummarizeTrials(study);
  }
  absl::StatusOr<TrialSummary> SummarizeTrial(TrialId id) override {
    return to().SummarizeTrial(id);
  }
  absl::StatusOr<std::vector<Trial>> ListRuns(StudyId study, int64_t first) override {
    return to().ListRuns(study, first);
  }
  absl::StatusOr<int64_t> CountTrials(StudyId study, std::span<const TrialState> states) override {
    return to().CountTrials(study, states);
  }
  absl::StatusOr<bool> AnyTrial(StudyId study, std::span<const TrialState> states) override {
    return to().AnyTrial(study, states);
  }
  absl::StatusOr<std::vector<StateSummary>> SummarizeStates(StudyId study) override {
    return to().SummarizeStates(study);
  }
  absl::StatusOr<int64_t> LastTrialNumber(StudyId study) override {
    return to().LastTrialNumber(study);
  }
  absl::StatusOr<std::optional<Trial>> FirstQueued(StudyId study) override {
    return to().FirstQueued(study);
  }
  absl::StatusOr<std::vector<Trial>> ListHeldBy(const std::string& worker) override {
    return to().ListHeldBy(worker);
  }
  absl::StatusOr<std::vector<ReportedValue>> ListValues(TrialId trial,
                                                        const std::string& metric) override {
    return to().ListValues(trial, metric);
  }
  absl::StatusOr<std::vector<EpochReport>> ListReports(TrialId trial) override {
    return to().ListReports(trial);
  }
  absl::StatusOr<std::vector<AttemptRow>> ListAttempts(TrialId trial) override {
    return to().ListAttempts(trial);
  }
  absl::StatusOr<std::vector<LogRow>> ListLogs(TrialId trial) override {
    return to().ListLogs(trial);
  }
  absl::StatusOr<std::vector<EvaluationRow>> ListEvaluations(StudyId study) override {
    return to().ListEvaluations(study);
  }
  absl::StatusOr<std::vector<DecisionRow>> ListDecisions(StudyId study, int64_t after,
                                                         int64_t limit) override {
    return to().ListDecisions(study, after, limit);
  }
  absl::StatusOr<StopProgress> GetStopProgress(StudyId study) override {
    return to().GetStopProgress(study);
  }
  absl::StatusOr<std::vector<LearnedTrial>> ListLearned(StudyId study) override {
    return to().ListLearned(study);
  }
  absl::StatusOr<bool> IsArtifactReferenced(const std::string& hash) override {
    return to().IsArtifactReferenced(hash);
  }
  absl::StatusOr<std::string> GetDatabaseId() override { return to().GetDatabaseId(); }

  absl::StatusOr<StudyId> InsertStudy(const Study& study) override {
    return to().InsertStudy(study);
  }
  absl::Status UpdateStudy(const Study& study) override { return to().UpdateStudy(study); }
  absl::Status DeleteStudy(StudyId id) override { return to().DeleteStudy(id); }
  absl::StatusOr<TrialId> InsertTrial(const Trial& trial) override {
    return to().InsertTrial(trial);
  }
  absl::Status UpdateTrial(const Trial& trial) override { return to().UpdateTrial(trial); }
  absl::Status UpsertReport(TrialId trial, const EpochReport& report) override {
    return to().UpsertReport(trial, report);
  }
  absl::Status UpsertAttempt(const AttemptRow& attempt) override {
    return to().UpsertAttempt(attempt);
  }
  absl::Status AppendLog(TrialId trial, const LogRow& line) override {
    return to().AppendLog(trial, line);
  }
  absl::Status TrimLogs(TrialId trial, int64_t keep) override { return to().TrimLogs(trial, keep); }
  absl::StatusOr<int64_t> InsertEvaluation(const EvaluationRow& evaluation) override {
    return to().InsertEvaluation(evaluation);
  }
  absl::Status AppendDecisions(StudyId study, Timestamp at, std::string_view events) override {
    return to().AppendDecisions(study, at, events);
  }
  absl::Status PutStopProgress(StudyId study, const StopProgress& progress) override {
    return to().PutStopProgress(study, progress);
  }
  absl::Status InsertLearned(StudyId study, std::span<const LearnedTrial> trials) override {
    return to().InsertLearned(study, trials);
  }

 protected:
  virtual TrialWriter& to() = 0;
};

}  // namespace vizsla
