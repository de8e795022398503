// The storage that the scheduler needs: rows in, rows out, in transactions. SqliteTrialStore
// (src/storage) implements it on disk; the conformance suite runs on each implementation.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/base/status.h"
#include "src/study/study.h"
#include "src/study/trial.h"

namespace vizsla {

struct AttemptRow {
  TrialId trial;
  AttemptNumber attempt;
  std::string worker;
  AttemptOutcome outcome = AttemptOutcome::kRunning;
  std::string reason;
  Timestamp started_at{};
  std::optional<Timestamp> ended_at;
};

struct EvaluationRow {
  int64_t id = 0;
  StudyId study;
  int64_t trial_number = 0;
  std::string split;
  std::string model_hash;
  Metrics metrics;
  std::string user;
  Timestamp created_at{};
};

struct LogRow {
  AttemptNumber attempt;
  Timestamp at{};
  std::string text;
};

// What one change decided about a study, with what it changed (decision_log.h): one row of its log.
struct DecisionRow {
  int64_t sequence = 0;  // 1, 2, 3, ... within the study
  Timestamp at{};
  std::string events;
};

// A trial of an earlier study, copied into the study that learns from it: it stays when the earlier
// study goes.
struct LearnedTrial {
  std::string study;  // its name when it was copied
  int64_t number = 0;
  Configuration configuration;
  TrialState state = TrialState::kCompleted;
  int epoch = 0;
  std::optional<double> score;  // may be NaN
};

// The trials of a study that are in one state.
struct StateSummary {
  TrialState state = TrialState::kQueued;
  int64_t trials = 0;
  // Of their scores; without scores that are no numbers. Both or none.
  std::optional<double> lowest_score;
  std::optional<double> highest_score;
};

// What a leaderboard counts and ranks a trial by: its row without the configuration and the texts.
struct TrialSummary {
  TrialId id;
  StudyId study;
  int64_t number = 0;
  int stage = 1;
  int64_t repeat_of = 0;
  bool final_run = false;
  int64_t parent = 0;  // of its lineage
  TrialState state = TrialState::kQueued;
  int epoch = 0;
  std::optional<double> score;  // may be NaN
  std::vector<double> further_values;
  bool started = false;
  Milliseconds trained{0};                               // in attempts that have ended
  std::optional<Timestamp> running_since;                // the start of the newest one that has not
  bool operator==(const TrialSummary&) const = default;  // never with a NaN
};

// What the trial's own row says: all but `trained` and `running_since`.
inline TrialSummary SummaryOf(const Trial& trial) {
  TrialSummary summary;
  summary.id = trial.id;
  summary.study = trial.study;
  summary.number = trial.number;
  summary.stage = trial.stage;
  summary.repeat_of = trial.repeat_of;
  summary.final_run = trial.final_run;
  summary.parent = trial.lineage.parent;
  summary.state = trial.state;
  summary.epoch = trial.epoch;
  summary.score = trial.score;
  summary.further_values = trial.further_values;
  summary.started = trial.started_at.has_value();
  return summary;
}

// One metric of an epoch's report; NaN when the report does not have it.
struct ReportedValue {
  int epoch = 0;
  AttemptNumber attempt;
  double value = 0;
};

// By epoch, as the reports are.
std::vector<ReportedValue> ValuesOf(const std::vector<EpochReport>& reports,
                                    const std::string& metric);

// Reads within one consistent snapshot. Valid only inside the callback that got it.
class TrialReader {
 public:
  virtual ~TrialReader() = default;
  virtual absl::StatusOr<std::vector<Study>>
  ListStudies() = 0;                                       // oldest first, without deleted ones
  virtual absl::StatusOr<Study> GetStudy(StudyId id) = 0;  // NotFound
  virtual absl::StatusOr<Study> FindStudy(
      std::string_view name) = 0;  // empty: the newest; NotFound
  virtual absl::StatusOr<Trial> GetTrial(TrialId id) = 0;
  // The same without a copy where the store has the trial at hand; `look` does not read or write.
  virtual absl::Status LookAtTrial(TrialId id, const std::function<void(const Trial&)>& look) {
    VIZSLA_ASSIGN_OR_RETURN(const Trial trial, GetTrial(id));
    look(trial);
    return absl::OkStatus();
  }
  virtual absl::StatusOr<Trial> FindTrial(StudyId study, int64_t number) = 0;
  // In order of number; all states when `states` is empty.
  virtual absl::StatusOr<std::vector<Trial>> ListTrials(StudyId study,
                                                        std::span<const TrialState> states) = 0;
  // The same one after another, all states, without holding them all. `each` may read, but not
  // through this method again.
  virtual absl::Status ForEachTrial(StudyId study,
                                    const std::function<absl::Status(const Trial&)>& each) = 0;
  // In order of number.
  virtual absl::StatusOr<std::vector<TrialSummary>> SummarizeTrials(StudyId study) = 0;
  virtual absl::StatusOr<TrialSummary> SummarizeTrial(TrialId id) = 0;  // NotFound
  // The trial with this number and all that repeat it (`repeat_of`), in order of number.
  virtual absl::StatusOr<std::vector<Trial>> ListRuns(StudyId study, int64_t first) = 0;
  virtual absl::StatusOr<int64_t> CountTrials(StudyId study,
                                              std::span<const TrialState> states) = 0;
  // Whether CountTrials is above 0, without counting them all.
  virtual absl::StatusOr<bool> AnyTrial(StudyId study, std::span<const TrialState> states) = 0;
  // States without trials are left out. For a whole study at once, without loading its trials.
  virtual absl::StatusOr<std::vector<StateSummary>> SummarizeStates(StudyId study) = 0;
  // The largest number given so far; 0 before the first trial.
  virtual absl::StatusOr<int64_t> LastTrialNumber(StudyId study) = 0;
  // The queued trial with the smallest number; nullopt when there is none.
  virtual absl::StatusOr<std::optional<Trial>> FirstQueued(StudyId study) = 0;
  // RUNNING trials of all studies that this worker trains.
  virtual absl::StatusOr<std::vector<Trial>> ListHeldBy(const std::string& worker) = 0;
  virtual absl::StatusOr<std::vector<EpochReport>> ListReports(TrialId trial) = 0;  // by epoch
  // One metric of each of these. A store may have a cheaper way: a pruner of a long study reads
  // millions of them.
  virtual absl::StatusOr<std::vector<ReportedValue>> ListValues(TrialId trial,
                                                                const std::string& metric) {
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<EpochReport> reports, ListReports(trial));
    return ValuesOf(reports, metric);
  }
  virtual absl::StatusOr<std::vector<AttemptRow>> ListAttempts(TrialId trial) = 0;
  virtual absl::StatusOr<std::vector<LogRow>> ListLogs(TrialId trial) = 0;
  virtual absl::StatusOr<std::vector<EvaluationRow>> ListEvaluations(StudyId study) = 0;
  // The study's log after `after`, in order of sequence: at most `limit` rows.
  virtual absl::StatusOr<std::vector<DecisionRow>> ListDecisions(StudyId study, int64_t after,
                                                                 int64_t limit) = 0;
  // Of a study with stopping rules; all zero before the first count.
  virtual absl::StatusOr<StopProgress> GetStopProgress(StudyId study) = 0;
  // In the order in which they were inserted.
  virtual absl::StatusOr<std::vector<LearnedTrial>> ListLearned(StudyId study) = 0;
  // By any study or report, as a trial's own checkpoint, or as what a trial that may still train
  // starts from.
  virtual absl::StatusOr<bool> IsArtifactReferenced(const std::string& hash) = 0;
  // A random identity made when the database was created.
  virtual absl::StatusOr<std::string> GetDatabaseId() = 0;
};

class TrialWriter : public TrialReader {
 public:
  virtual absl::StatusOr<StudyId> InsertStudy(const Study& study) = 0;  // AlreadyExists by name
  virtual absl::Status UpdateStudy(const Study& study) = 0;  // spec, state, times, end_reason
  virtual absl::Status DeleteStudy(StudyId id) = 0;          // with all that belongs to it
  virtual absl::StatusOr<TrialId> InsertTrial(const Trial& trial) = 0;
  virtual absl::Status UpdateTrial(const Trial& trial) = 0;
  virtual absl::Status UpsertReport(TrialId trial, const EpochReport& report) = 0;  // by epoch
  virtual absl::Status UpsertAttempt(const AttemptRow& attempt) = 0;
  virtual absl::Status AppendLog(TrialId trial, const LogRow& line) = 0;
  virtual absl::Status TrimLogs(TrialId trial, int64_t keep) = 0;  // the newest `keep` lines stay
  virtual absl::StatusOr<int64_t> InsertEvaluation(const EvaluationRow& evaluation) = 0;
  // The next row of the study's log.
  virtual absl::Status AppendDecisions(StudyId study, Timestamp at, std::string_view events) = 0;
  virtual absl::Status PutStopProgress(StudyId study, const StopProgress& progress) = 0;
  virtual absl::Status InsertLearned(StudyId study, std::span<const LearnedTrial> trials) = 0;
};

// Thread-safe.
class TrialStore {
 public:
  virtual ~TrialStore() = default;
  // Runs `change` in a transaction and returns when it is durable. Changes of concurrent callers
  // run one after another and may share one commit (group commit). A status other than ok from
  // `change` undoes that change alone; a failed commit (full disk) fails every change of its group
  // and nothing is stored.
  virtual absl::Status Write(const std::function<absl::Status(TrialWriter&)>& change) = 0;
  // How many commits have failed so far, each counted before the next change runs: for who keeps in
  // memory what changes have told him.
  virtual uint64_t FailedCommits() const = 0;
  // Runs `query` on a snapshot of committed rows; does not wait for writers.
  virtual absl::Status Read(const std::function<absl::Status(TrialReader&)>& query) = 0;
};

struct StoredArtifact {
  std::string hash;
  int64_t bytes = 0;
  Timestamp used_at{};  // written, asked for or read last
};

// The checkpoint store's interface to the scheduler: content-addressed, durable bytes.
class ArtifactIndex {
 public:
  virtual ~ArtifactIndex() = default;
  virtual bool Exists(const std::string& hash) const = 0;
  virtual absl::Status Remove(const std::string& hash) = 0;  // NotFound is ok
  // What was neither written nor asked for (Size) since `time`: what a sweep may look at. An upload
  // that its worker is about to report is younger.
  virtual absl::StatusOr<std::vector<std::string>> ListUnusedSince(Timestamp time) const {
    return std::vector<std::string>();
  }
  // Everything, in no order. For a byte budget.
  virtual absl::StatusOr<std::vector<StoredArtifact>> ListStored() const {
    return std::vector<StoredArtifact>();
  }
  // Somebody downloads it now.
  virtual bool IsBeingRead(const std::string& hash) const { return false; }
};

}  // namespace vizsla
