// The rows of one study, rebuilt from its log: what samplers, pruners and stages looked at.
// Internal to src/scheduling.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "src/scheduling/decision_log.h"
#include "src/scheduling/trial_store.h"

namespace vizsla {

// Trials have their numbers for ids.
class ReplayRows final : public TrialReader {
 public:
  // DataLoss: the event does not fit to the rows. The trial as it is afterwards.
  absl::Status Apply(const StudyEvent& event);
  absl::StatusOr<Trial> Apply(const TrialCreatedEvent& event);
  absl::StatusOr<Trial> Apply(const TrialChangedEvent& event);
  // The report as it is stored, and whether the trial has not reported this epoch before.
  struct Reported {
    EpochReport report;
    bool new_epoch = false;
  };
  absl::StatusOr<Reported> Apply(const ReportEvent& event);
  void Apply(const LearnedEvent& event);
  void set_progress(const StopProgress& progress) { progress_ = progress; }

  bool has_study() const { return study_.id.value() != 0; }
  const Study& study() const { return study_; }
  // Null: there is none.
  const Trial* Find(int64_t number) const;
  const std::map<int64_t, Trial>& trials() const { return trials_; }
  // Sources from which something was learnt.
  int64_t learned_sources() const { return learned_sources_; }
  const StopProgress& progress() const { return progress_; }
  // An epoch of the trial's run has.
  bool HasDiverged(const Trial& trial) const;
  int64_t CountReports() const;

  absl::StatusOr<std::vector<Study>> ListStudies() override;
  absl::StatusOr<Study> GetStudy(StudyId id) override;
  absl::StatusOr<Study> FindStudy(std::string_view name) override;
  absl::StatusOr<Trial> GetTrial(TrialId id) override;
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
  absl::StatusOr<int64_t> LastTrialNumber(StudyId study) override;
  absl::StatusOr<std::optional<Trial>> FirstQueued(StudyId study) override;
  absl::StatusOr<std::vector<EpochReport>> ListReports(TrialId trial) override;
  absl::StatusOr<StopProgress> GetStopProgress(StudyId study) override;
  absl::StatusOr<std::vector<LearnedTrial>> ListLearned(StudyId study) override;
  // Nothing of these is in the log, or no decision asks for it.
  absl::StatusOr<std::vector<StateSummary>> SummarizeStates(StudyId study) override;
  absl::StatusOr<std::vector<Trial>> ListHeldBy(const std::string& worker) override;
  absl::StatusOr<std::vector<AttemptRow>> ListAttempts(TrialId trial) override;
  absl::StatusOr<std::vector<LogRow>> ListLogs(TrialId trial) override;
  absl::StatusOr<std::vector<EvaluationRow>> ListEvaluations(StudyId study) override;
  absl::StatusOr<std::vector<DecisionRow>> ListDecisions(StudyId study, int64_t after,
                                                         int64_t limit) override;
  absl::StatusOr<bool> IsArtifactReferenced(const std::string& hash) override;
  absl::StatusOr<std::string> GetDatabaseId() override;

 private:
  absl::StatusOr<Trial*> Require(int64_t number);

  Study study_;
  LoggedParts parts_;
  std::map<int64_t, Trial> trials_;
  std::map<int64_t, std::map<int, EpochReport>> reports_;
  std::map<int64_t, std::set<int>> diverged_;  // epochs
  StopProgress progress_;
  int64_t learned_sources_ = 0;
  std::vector<LearnedTrial> learned_;
};

}  // namespace vizsla
