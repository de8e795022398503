// The TrialStore's rows over one SQLite connection: domain objects in and out, nothing decided.
#pragma once

#include <string>
#include <vector>

#include "src/scheduling/trial_store.h"
#include "src/storage/running_trials.h"
#include "src/storage/sqlite.h"

namespace vizsla {

// Metrics as stored: compact JSON, with "nan", "inf" and "-inf" as words.

// Reads and writes within the transaction that the caller holds open on the connection.
class Rows final : public TrialWriter {
 public:
  // With `running` for the writing connection alone; null: every row is read where it lies.
  explicit Rows(Database& database, RunningTrials* running = nullptr)
      : database_(database), running_(running) {}
  Database& database() { return database_; }

  absl::StatusOr<std::vector<Study>> ListStudies() override;
  absl::StatusOr<Study> GetStudy(StudyId id) override;
  absl::StatusOr<Study> FindStudy(std::string_view name) override;
  absl::StatusOr<Trial> GetTrial(TrialId id) override;
  absl::Status LookAtTrial(TrialId id, const std::function<void(const Trial&)>& look) override;
  absl::StatusOr<Trial> FindTrial(StudyId study, int64_t number) override;
  absl::StatusOr<std::vector<Trial>> ListTrials(StudyId study,
                                                std::span<const TrialState> states) override;
  absl::Status ForEachTrial(StudyId study,
                            const std::function<absl::Status(const Trial&)>& each) override;
  absl::StatusOr<std::vector<TrialSummary>> SummarizeTrials(StudyId study) override;
  absl::StatusOr<TrialSummary> SummarizeTrial(TrialId id) override;
  absl::StatusOr<std::vector<Trial>> ListRuns(StudyId study, int64_t first) override;
  absl::StatusOr<int64_t> CountTrials(StudyId study, std::span<const TrialState> states) override;
  absl::StatusOr<bool> AnyTrial(StudyId study, std::span<const TrialState> states) override;
  absl::StatusOr<std::vector<StateSummary>> SummarizeStates(StudyId study) override;
  absl::StatusOr<int64_t> LastTrialNumber(StudyId study) override;
  absl::StatusOr<std::optional<Trial>> FirstQueued(StudyId study) override;
  absl::StatusOr<std::vector<Trial>> ListHeldBy(const std::string& worker) override;
  absl::StatusOr<std::vector<EpochReport>> ListReports(TrialId trial) override;
  absl::StatusOr<std::vector<ReportedValue>> ListValues(TrialId trial,
                                                        const std::string& metric) override;
  absl::StatusOr<std::vector<AttemptRow>> ListAttempts(TrialId trial) override;
  absl::StatusOr<std::vector<LogRow>> ListLogs(TrialId trial) override;
  absl::StatusOr<std::vector<EvaluationRow>> ListEvaluations(StudyId study) override;
  absl::StatusOr<std::vector<DecisionRow>> ListDecisions(StudyId study, int64_t after,
                                                         int64_t limit) override;
  absl::StatusOr<StopProgress> GetStopProgress(StudyId study) override;
  absl::StatusOr<std::vector<LearnedTrial>> ListLearned(StudyId study) override;
  absl::StatusOr<bool> IsArtifactReferenced(const std::string& hash) override;
  absl::StatusOr<std::string> GetDatabaseId() override;

  absl::StatusOr<StudyId> InsertStudy(const Study& study) override;
  absl::Status UpdateStudy(const Study& study) override;
  absl::Status DeleteStudy(StudyId id) override;
  absl::StatusOr<TrialId> InsertTrial(const Trial& trial) override;
  absl::Status UpdateTrial(const Trial& trial) override;
  absl::Status UpsertReport(TrialId trial, const EpochReport& report) override;
  absl::Status UpsertAttempt(const AttemptRow& attempt) override;
  absl::Status AppendLog(TrialId trial, const LogRow& line) override;
  absl::Status TrimLogs(TrialId trial, int64_t keep) override;
  absl::StatusOr<int64_t> InsertEvaluation(const EvaluationRow& evaluation) override;
  absl::Status AppendDecisions(StudyId study, Timestamp at, std::string_view events) override;
  absl::Status PutStopProgress(StudyId study, const StopProgress& progress) override;
  absl::Status InsertLearned(StudyId study, std::span<const LearnedTrial> trials) override;

 private:
  // NotFound with `what` when the last statement changed no row.
  absl::Status RequireChanged(std::string_view what);
  absl::StatusOr<std::vector<Trial>> ReadTrials(Query& query);

  Database& database_;
  RunningTrials* const running_;
};

}  // namespace vizsla
