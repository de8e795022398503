#include "src/storage/rows.h"

#include "absl/strings/str_join.h"
#include "src/storage/column_values.h"
#include "src/storage/metrics_text.h"
#include "src/storage/spec_cache.h"
#include "src/storage/trial_columns.h"

namespace vizsla {
namespace {

#define VIZSLA_STUDY_COLUMNS                                                                  \
  "id, spec, dataset_fingerprint, split_hash, weights_hash, state, created_ms, finished_ms, " \
  "active_ms, name, notes, end_reason, learned"
#define VIZSLA_SUMMARY                                                                            \
  "SELECT id, study_id, number, stage, repeat_of, final_run, state, epoch, score, score_is_nan, " \
  "further_values, started_ms IS NOT NULL, "                                                      \
  "(SELECT sum(max(0, ended_ms - started_ms)) FROM attempts WHERE trial_id = trials.id), "        \
  "(SELECT max(started_ms) FROM attempts WHERE trial_id = trials.id AND ended_ms IS NULL), "      \
  "parent "                                                                                       \
  "FROM trials"
absl::StatusOr<Study> StudyAt(const Query& query) {
  static SpecCache& specs = *new SpecCache;  // one for all connections; never destroyed
  Study study;
  study.id = StudyId(query.Int(0));
  auto spec = specs.Parse(query.Text(1));
  if (!spec.ok()) return Annotate(spec.status(), StrCat("stored study '", query.Text(9), "'"));
  study.spec = *std::move(spec);
  study.inputs = {query.Text(2), query.Text(3), query.Text(4)};
  VIZSLA_ASSIGN_OR_RETURN(study.state, EnumAt(query, 5, StudyState::kFinished, "state of a study"));
  study.created_at = TimeAt(query, 6);
  study.finished_at = OptionalTimeAt(query, 7);
  study.active_time = Milliseconds(query.Int(8));
  study.notes = query.Text(10);
  study.end_reason = query.Text(11);
  study.learned = query.Text(12);
  return study;
}

// Of VIZSLA_SUMMARY.
absl::StatusOr<TrialSummary> SummaryAt(const Query& query) {
  TrialSummary summary;
  summary.id = TrialId(query.Int(0));
  summary.study = StudyId(query.Int(1));
  summary.number = query.Int(2);
  summary.stage = static_cast<int>(query.Int(3));
  summary.repeat_of = query.Int(4);
  summary.final_run = query.Int(5) != 0;
  VIZSLA_ASSIGN_OR_RETURN(summary.state,
                          EnumAt(query, 6, TrialState::kCancelled, "state of a trial"));
  summary.epoch = static_cast<int>(query.Int(7));
  summary.score = ScoreAt(query, 8);
  VIZSLA_ASSIGN_OR_RETURN(summary.further_values, NumbersFromText(query.Text(10)));
  summary.started = query.Int(11) != 0;
  summary.trained = Milliseconds(query.Int(12));  // 0 for NULL
  summary.running_since = OptionalTimeAt(query, 13);
  summary.parent = query.Int(14);
  return summary;
}

// " AND state IN (0,3)", or nothing for all. The states are numbers of ours: no binding needed, and
// each list in use is one cached statement. A bound state would have SQLite plan anew at every use,
// to see whether it lets a partial index serve.
std::string StateFilter(std::span<const TrialState> states) {
  if (states.empty()) return "";
  return StrCat(" AND state IN (",
                absl::StrJoin(states, ",",
                              [](std::string* out, TrialState state) {
                                absl::StrAppend(out, static_cast<int>(state));
                              }),
                ")");
}

}  // namespace

absl::Status Rows::RequireChanged(std::string_view what) {
  if (sqlite3_changes64(database_.handle()) > 0) return absl::OkStatus();
  return absl::NotFoundError(std::string(what));
}

absl::StatusOr<std::vector<Study>> Rows::ListStudies() {
  Query query(database_, "SELECT " VIZSLA_STUDY_COLUMNS " FROM studies ORDER BY id");
  std::vector<Study> studies;
  for (;;) {
    VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
    if (!found) return studies;
    VIZSLA_ASSIGN_OR_RETURN(Study study, StudyAt(query));
    studies.push_back(std::move(study));
  }
}

absl::StatusOr<Study> Rows::GetStudy(StudyId id) {
  if (running_ != nullptr) {
    if (const Study* const known = running_->FindStudy(id)) return *known;
  }
  Query query(database_, "SELECT " VIZSLA_STUDY_COLUMNS " FROM studies WHERE id = ?1");
  query.Bind(id);
  VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
  if (!found) return absl::NotFoundError(StrCat("there is no study with id ", id.value()));
  VIZSLA_ASSIGN_OR_RETURN(Study study, StudyAt(query));
  if (running_ != nullptr) running_->StudyRead(study);
  return study;
}

absl::StatusOr<Study> Rows::FindStudy(std::string_view name) {
  if (name.empty()) {
    Query query(database_, "SELECT " VIZSLA_STUDY_COLUMNS " FROM studies ORDER BY id DESC LIMIT 1");
    VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
    if (!found) return absl::NotFoundError("there is no study yet");
    return StudyAt(query);
  }
  Query query(database_, "SELECT " VIZSLA_STUDY_COLUMNS " FROM studies WHERE name = ?1");
  query.Bind(name);
  VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
  if (!found) return absl::NotFoundError(StrCat("there is no study '", name, "'"));
  return StudyAt(query);
}

absl::StatusOr<Trial> Rows::GetTrial(TrialId id) {
  if (running_ != nullptr) {
    if (const Trial* const known = running_->FindTrial(id)) return *known;
  }
  Query query(database_, "SELECT " VIZSLA_TRIAL_COLUMNS " FROM trials WHERE id = ?1");
  query.Bind(id);
  VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
  if (!found) return absl::NotFoundError(StrCat("there is no trial with id ", id.value()));
  VIZSLA_ASSIGN_OR_RETURN(Trial trial, TrialAt(query));
  if (running_ != nullptr) running_->TrialRead(trial);
  return trial;
}

absl::Status Rows::LookAtTrial(TrialId id, const std::function<void(const Trial&)>& look) {
  const Trial* const known = running_ != nullptr ? running_->FindTrial(id) : nullptr;
  if (known == nullptr) return TrialReader::LookAtTrial(id, look);
  look(*known);
  return absl::OkStatus();
}

absl::StatusOr<Trial> Rows::FindTrial(StudyId study, int64_t number) {
  Query query(database_,
              "SELECT " VIZSLA_TRIAL_COLUMNS " FROM trials WHERE study_id = ?1 AND number = ?2");
  query.Bind(study).Bind(number);
  VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
  if (!found) return absl::NotFoundError(StrCat("the study has no trial ", number));
  return TrialAt(query);
}

absl::StatusOr<std::vector<Trial>> Rows::ReadTrials(Query& query) {
  std::vector<Trial> trials;
  for (;;) {
    VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
    if (!found) return trials;
    VIZSLA_ASSIGN_OR_RETURN(Trial trial, TrialAt(query));
    trials.push_back(std::move(trial));
  }
}

absl::StatusOr<std::vector<Trial>> Rows::ListTrials(StudyId study,
                                                    std::span<const TrialState> states) {
  Query query(database_, StrCat("SELECT " VIZSLA_TRIAL_COLUMNS " FROM trials WHERE study_id = ?1",
                                StateFilter(states), " ORDER BY number"));
  query.Bind(study);
  return ReadTrials(query);
}

absl::Status Rows::ForEachTrial(StudyId study,
                                const std::function<absl::Status(const Trial&)>& each) {
  // Another text than that of ListTrials, which `each` may want to use.
  Query query(database_, "SELECT " VIZSLA_TRIAL_COLUMNS
                         " FROM trials AS one WHERE study_id = ?1 ORDER BY number");
  query.Bind(study);
  for (;;) {
    VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
    if (!found) return absl::OkStatus();
    VIZSLA_ASSIGN_OR_RETURN(const Trial trial, TrialAt(query));
    VIZSLA_RETURN_IF_ERROR(each(trial));
  }
}

absl::StatusOr<std::vector<TrialSummary>> Rows::SummarizeTrials(StudyId study) {
  Query query(database_, VIZSLA_SUMMARY " WHERE study_id = ?1 ORDER BY number");
  query.Bind(study);
  std::vector<TrialSummary> summaries;
  for (;;) {
    VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
    if (!found) return summaries;
    VIZSLA_ASSIGN_OR_RETURN(TrialSummary summary, SummaryAt(query));
    summaries.push_back(std::move(summary));
  }
}

absl::StatusOr<TrialSummary> Rows::SummarizeTrial(TrialId id) {
  Query query(database_, VIZSLA_SUMMARY " WHERE id = ?1");
  query.Bind(id);
  VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
  if (!found) return absl::NotFoundError(StrCat("there is no trial with id ", id.value()));
  return SummaryAt(query);
}

absl::StatusOr<std::vector<Trial>> Rows::ListRuns(StudyId study, int64_t first) {
  // The term > 0 lets the partial index serve.
  Query query(database_, "SELECT " VIZSLA_TRIAL_COLUMNS
                         " FROM trials WHERE study_id = ?1 AND number = ?2 UNION ALL "
                         "SELECT " VIZSLA_TRIAL_COLUMNS
                         " FROM trials WHERE study_id = ?1 AND repeat_of = ?2 AND repeat_of > 0 "
                         "ORDER BY number");
  query.Bind(study).Bind(first);
  return ReadTrials(query);
}

absl::StatusOr<int64_t> Rows::CountTrials(StudyId study, std::span<const TrialState> states) {
  Query query(database_,
              StrCat("SELECT count(*) FROM trials WHERE study_id = ?1", StateFilter(states)));
  query.Bind(study);
  VIZSLA_RETURN_IF_ERROR(query.Next().status());
  return query.Int(0);
}

absl::StatusOr<bool> Rows::AnyTrial(StudyId study, std::span<const TrialState> states) {
  // Each state by itself: a list of them would be a temporary table, made anew at each use.
  std::string sql = "SELECT 0";
  for (const TrialState& state : states) {
    sql += StrCat(" OR EXISTS(SELECT 1 FROM trials WHERE study_id = ?1",
                  StateFilter(std::span(&state, 1)), ")");
  }
  if (states.empty()) sql = "SELECT EXISTS(SELECT 1 FROM trials WHERE study_id = ?1)";
  Query query(database_, sql);
  query.Bind(study);
  VIZSLA_RETURN_IF_ERROR(query.Next().status());
  return query.Int(0) != 0;
}

absl::StatusOr<std::vector<StateSummary>> Rows::SummarizeStates(StudyId study) {
  // A score that is no number is stored as NULL, which min and max pass over.
  Query query(database_,
              "SELECT state, count(*), min(score), max(score) FROM trials WHERE study_id = ?1 "
              "GROUP BY state ORDER BY state");
  query.Bind(study);
  std::vector<StateSummary> summaries;
  for (;;) {
    VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
    if (!found) return summaries;
    StateSummary& summary = summaries.emplace_back();
    VIZSLA_ASSIGN_OR_RETURN(summary.state,
                            EnumAt(query, 0, TrialState::kCancelled, "state of a trial"));
    summary.trials = query.Int(1);
    if (query.IsNull(2)) continue;
    summary.lowest_score = query.Real(2);
    summary.highest_score = query.Real(3);
  }
}

absl::StatusOr<int64_t> Rows::LastTrialNumber(StudyId study) {
  Query query(database_, "SELECT coalesce(max(number), 0) FROM trials WHERE study_id = ?1");
  query.Bind(study);
  VIZSLA_RETURN_IF_ERROR(query.Next().status());
  return query.Int(0);
}

absl::StatusOr<std::optional<Trial>> Rows::FirstQueued(StudyId study) {
  constexpr TrialState kQueued[] = {TrialState::kQueued};
  Query query(database_, StrCat("SELECT " VIZSLA_TRIAL_COLUMNS " FROM trials WHERE study_id = ?1",
                                StateFilter(kQueued), " ORDER BY number LIMIT 1"));
  query.Bind(study);
  VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
  if (!found) return std::optional<Trial>();
  VIZSLA_ASSIGN_OR_RETURN(Trial trial, TrialAt(query));
  return std::optional<Trial>(std::move(trial));
}

absl::StatusOr<std::vector<Trial>> Rows::ListHeldBy(const std::string& worker) {
  // The state stands in the text so that the partial index serves.
  static_assert(static_cast<int>(TrialState::kRunning) == 1);
  Query query(database_, "SELECT " VIZSLA_TRIAL_COLUMNS
                         " FROM trials WHERE worker = ?1 AND state = 1 ORDER BY id");
  query.Bind(std::string_view(worker));
  return ReadTrials(query);
}

absl::StatusOr<std::vector<EpochReport>> Rows::ListReports(TrialId trial) {
  if (running_ != nullptr) {
    if (const auto* const known = running_->FindReports(trial)) return *known;
  }
  Query query(database_,
              "SELECT epoch, attempt, metrics, duration_ms, reported_ms, checkpoint_hash FROM "
              "reports WHERE trial_id = ?1 ORDER BY epoch");
  query.Bind(trial);
  std::vector<EpochReport> reports;
  for (;;) {
    VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
    if (!found) break;
    EpochReport report;
    report.epoch = static_cast<int>(query.Int(0));
    report.attempt = AttemptNumber(query.Int(1));
    VIZSLA_ASSIGN_OR_RETURN(report.metrics, MetricsFromText(query.Text(2)));
    report.duration = Milliseconds(query.Int(3));
    report.reported_at = TimeAt(query, 4);
    report.checkpoint_hash = query.Text(5);
    reports.push_back(std::move(report));
  }
  if (running_ != nullptr) running_->ReportsRead(trial, reports);
  return reports;
}

absl::StatusOr<std::vector<ReportedValue>> Rows::ListValues(TrialId trial,
                                                            const std::string& metric) {
  if (running_ != nullptr) {
    if (const auto* const known = running_->FindReports(trial)) return ValuesOf(*known, metric);
  }
  Query query(database_,
              "SELECT epoch, attempt, metrics FROM reports WHERE trial_id = ?1 ORDER BY epoch");
  query.Bind(trial);
  std::vector<ReportedValue> values;
  for (;;) {
    VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
    if (!found) return values;
    VIZSLA_ASSIGN_OR_RETURN(const double value, MetricFromText(query.Text(2), metric));
    values.push_back({static_cast<int>(query.Int(0)), AttemptNumber(query.Int(1)), value});
  }
}

absl::StatusOr<std::vector<AttemptRow>> Rows::ListAttempts(TrialId trial) {
  Query query(database_,
              "SELECT attempt, worker, outcome, reason, started_ms, ended_ms FROM attempts WHERE "
              "trial_id = ?1 ORDER BY attempt");
  query.Bind(trial);
  std::vector<AttemptRow> attempts;
  for (;;) {
    VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
    if (!found) return attempts;
    AttemptRow row;
    row.trial = trial;
    row.attempt = AttemptNumber(query.Int(0));
    row.worker = query.Text(1);
    VIZSLA_ASSIGN_OR_RETURN(row.outcome,
                            EnumAt(query, 2, AttemptOutcome::kCancelled, "outcome of an attempt"));
    row.reason = query.Text(3);
    row.started_at = TimeAt(query, 4);
    row.ended_at = OptionalTimeAt(query, 5);
    attempts.push_back(std::move(row));
  }
}

absl::StatusOr<std::vector<LogRow>> Rows::ListLogs(TrialId trial) {
  Query query(database_, "SELECT attempt, at_ms, text FROM logs WHERE trial_id = ?1 ORDER BY id");
  query.Bind(trial);
  std::vector<LogRow> lines;
  for (;;) {
    VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
    if (!found) return lines;
    lines.push_back({AttemptNumber(query.Int(0)), TimeAt(query, 1), query.Text(2)});
  }
}

absl::StatusOr<std::vector<EvaluationRow>> Rows::ListEvaluations(StudyId study) {
  Query query(database_,
              "SELECT id, trial_number, split, model_hash, metrics, user, created_ms FROM "
              "evaluations WHERE study_id = ?1 ORDER BY id");
  query.Bind(study);
  std::vector<EvaluationRow> evaluations;
  for (;;) {
    VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
    if (!found) return evaluations;
    EvaluationRow row;
    row.id = query.Int(0);
    row.study = study;
    row.trial_number = query.Int(1);
    row.split = query.Text(2);
    row.model_hash = query.Text(3);
    VIZSLA_ASSIGN_OR_RETURN(row.metrics, MetricsFromText(query.Text(4)));
    row.user = query.Text(5);
    row.created_at = TimeAt(query, 6);
    evaluations.push_back(std::move(row));
  }
}

absl::StatusOr<std::vector<DecisionRow>> Rows::ListDecisions(StudyId study, int64_t after,
                                                             int64_t limit) {
  Query query(database_,
              "SELECT sequence, at_ms, events FROM decisions WHERE study_id = ?1 AND sequence > ?2 "
              "ORDER BY sequence LIMIT ?3");
  query.Bind(study).Bind(after).Bind(limit);
  std::vector<DecisionRow> rows;
  for (;;) {
    VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
    if (!found) return rows;
    rows.push_back({query.Int(0), TimeAt(query, 1), query.Blob(2)});
  }
}

absl::StatusOr<bool> Rows::IsArtifactReferenced(const std::string& hash) {
  // The terms <> '' let the partial indexes serve; the states are queued, running and paused.
  Query query(
      database_,
      "SELECT EXISTS(SELECT 1 FROM studies WHERE split_hash = ?1 OR weights_hash = ?1) "
      "OR EXISTS(SELECT 1 FROM trials WHERE best_checkpoint = ?1 AND best_checkpoint <> '') "
      "OR EXISTS(SELECT 1 FROM trials WHERE last_checkpoint = ?1 AND last_checkpoint <> '') "
      "OR EXISTS(SELECT 1 FROM trials WHERE init_checkpoint = ?1 AND init_checkpoint <> '' "
      "AND state IN (0,1,2)) "
      "OR EXISTS(SELECT 1 FROM trials WHERE parent_checkpoint = ?1 AND parent_checkpoint <> '' "
      "AND state IN (0,1,2)) "
      "OR EXISTS(SELECT 1 FROM reports WHERE checkpoint_hash = ?1 AND checkpoint_hash <> '')");
  query.Bind(std::string_view(hash));
  VIZSLA_RETURN_IF_ERROR(query.Next().status());
  return query.Int(0) != 0;
}

absl::StatusOr<std::string> Rows::GetDatabaseId() {
  Query query(database_, "SELECT value FROM meta WHERE key = 'database_id'");
  VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
  if (!found) return absl::DataLossError(StrCat(database_.path(), ": no database id"));
  return query.Text(0);
}

absl::StatusOr<StudyId> Rows::InsertStudy(const Study& study) {
  if (running_ != nullptr) running_->StudyWritten();  // undone, its id would be another one's
  {
    Query taken(database_, "SELECT 1 FROM studies WHERE name = ?1");
    taken.Bind(std::string_view(study.spec.name));
    VIZSLA_ASSIGN_OR_RETURN(const bool found, taken.Next());
    if (found) {
      return absl::AlreadyExistsError(StrCat("there is a study '", study.spec.name, "' already"));
    }
  }
  const std::string spec = ToJsonText(study.spec);
  Query query(database_,
              "INSERT INTO studies(name, spec, dataset_fingerprint, split_hash, weights_hash, "
              "state, created_ms, finished_ms, active_ms, notes, end_reason, learned) "
              "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)");
  query.Bind(std::string_view(study.spec.name)).Bind(std::string_view(spec));
  query.Bind(std::string_view(study.inputs.dataset_fingerprint));
  query.Bind(std::string_view(study.inputs.split_hash));
  query.Bind(std::string_view(study.inputs.weights_hash));
  query.Bind(static_cast<int>(study.state)).Bind(study.created_at).Bind(study.finished_at);
  query.Bind(study.active_time).Bind(std::string_view(study.notes));
  query.Bind(std::string_view(study.end_reason)).Bind(std::string_view(study.learned));
  VIZSLA_RETURN_IF_ERROR(query.Run());
  return StudyId(database_.LastInsertId());
}

absl::Status Rows::UpdateStudy(const Study& study) {
  if (running_ != nullptr) running_->StudyWritten();
  {
    Query taken(database_, "SELECT 1 FROM studies WHERE name = ?1 AND id <> ?2");
    taken.Bind(std::string_view(study.spec.name)).Bind(study.id);
    VIZSLA_ASSIGN_OR_RETURN(const bool found, taken.Next());
    if (found) {
      return absl::AlreadyExistsError(StrCat("there is a study '", study.spec.name, "' already"));
    }
  }
  const std::string spec = ToJsonText(study.spec);
  Query query(database_,
              "UPDATE studies SET name = ?1, spec = ?2, state = ?3, finished_ms = ?4, active_ms = "
              "?5, notes = ?6, end_reason = ?7, learned = ?8 WHERE id = ?9");
  query.Bind(std::string_view(study.spec.name)).Bind(std::string_view(spec));
  query.Bind(static_cast<int>(study.state)).Bind(study.finished_at).Bind(study.active_time);
  query.Bind(std::string_view(study.notes)).Bind(std::string_view(study.end_reason));
  query.Bind(std::string_view(study.learned)).Bind(study.id);
  VIZSLA_RETURN_IF_ERROR(query.Run());
  return RequireChanged(StrCat("there is no study with id ", study.id.value()));
}

absl::Status Rows::DeleteStudy(StudyId id) {
  if (running_ != nullptr) running_->StudyWritten();
  Query query(database_, "DELETE FROM studies WHERE id = ?1");
  query.Bind(id);
  VIZSLA_RETURN_IF_ERROR(query.Run());
  if (running_ != nullptr) running_->Clear();  // its trials went with it
  return RequireChanged(StrCat("there is no study with id ", id.value()));
}

absl::StatusOr<TrialId> Rows::InsertTrial(const Trial& trial) {
  return InsertTrialRow(database_, trial);
}

absl::Status Rows::UpdateTrial(const Trial& trial) {
  const Trial* const stored = running_ != nullptr ? running_->FindTrial(trial.id) : nullptr;
  VIZSLA_RETURN_IF_ERROR(UpdateTrialRow(database_, stored, trial));
  if (running_ != nullptr) running_->TrialWritten(trial);
  return absl::OkStatus();
}

absl::Status Rows::UpsertReport(TrialId trial, const EpochReport& report) {
  const std::string metrics = MetricsToText(report.metrics);
  Query query(database_,
              "INSERT INTO reports(trial_id, epoch, attempt, metrics, duration_ms, reported_ms, "
              "checkpoint_hash) VALUES(?1,?2,?3,?4,?5,?6,?7) ON CONFLICT(trial_id, epoch) DO "
              "UPDATE SET attempt=excluded.attempt, metrics=excluded.metrics, "
              "duration_ms=excluded.duration_ms, reported_ms=excluded.reported_ms, "
              "checkpoint_hash=excluded.checkpoint_hash");
  query.Bind(trial).Bind(report.epoch).Bind(report.attempt).Bind(std::string_view(metrics));
  query.Bind(report.duration).Bind(report.reported_at);
  query.Bind(std::string_view(report.checkpoint_hash));
  VIZSLA_RETURN_IF_ERROR(query.Run());
  if (running_ != nullptr) running_->ReportWritten(trial, report);
  return absl::OkStatus();
}

absl::Status Rows::UpsertAttempt(const AttemptRow& row) {
  Query query(database_,
              "INSERT INTO attempts(trial_id, attempt, worker, outcome, reason, started_ms, "
              "ended_ms) VALUES(?1,?2,?3,?4,?5,?6,?7) ON CONFLICT(trial_id, attempt) DO UPDATE "
              "SET worker=excluded.worker, outcome=excluded.outcome, reason=excluded.reason, "
              "started_ms=excluded.started_ms, ended_ms=excluded.ended_ms");
  query.Bind(row.trial).Bind(row.attempt).Bind(std::string_view(row.worker));
  query.Bind(static_cast<int>(row.outcome)).Bind(std::string_view(row.reason));
  query.Bind(row.started_at).Bind(row.ended_at);
  return query.Run();
}

absl::Status Rows::AppendLog(TrialId trial, const LogRow& line) {
  Query query(database_, "INSERT INTO logs(trial_id, attempt, at_ms, text) VALUES(?1,?2,?3,?4)");
  query.Bind(trial).Bind(line.attempt).Bind(line.at).Bind(std::string_view(line.text));
  return query.Run();
}

absl::Status Rows::TrimLogs(TrialId trial, int64_t keep) {
  // The newest line that has to go, and all before it.
  Query query(database_,
              "DELETE FROM logs WHERE trial_id = ?1 AND id <= (SELECT id FROM logs WHERE trial_id "
              "= ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)");
  query.Bind(trial).Bind(keep);
  return query.Run();
}

absl::StatusOr<int64_t> Rows::InsertEvaluation(const EvaluationRow& row) {
  const std::string metrics = MetricsToText(row.metrics);
  Query query(database_,
              "INSERT INTO evaluations(study_id, trial_number, split, model_hash, metrics, user, "
              "created_ms) VALUES(?1,?2,?3,?4,?5,?6,?7)");
  query.Bind(row.study).Bind(row.trial_number).Bind(std::string_view(row.split));
  query.Bind(std::string_view(row.model_hash)).Bind(std::string_view(metrics));
  query.Bind(std::string_view(row.user)).Bind(row.created_at);
  VIZSLA_RETURN_IF_ERROR(query.Run());
  return database_.LastInsertId();
}

absl::Status Rows::AppendDecisions(StudyId study, Timestamp at, std::string_view events) {
  // INSERT ... SELECT of one table would be by way of a temporary one.
  Query query(
      database_,
      "INSERT INTO decisions(study_id, sequence, at_ms, events) VALUES(?1, "
      "(SELECT coalesce(max(sequence), 0) + 1 FROM decisions WHERE study_id = ?1), ?2, ?3)");
  query.Bind(study).Bind(at).BindBlob(events);
  return query.Run();
}

absl::StatusOr<StopProgress> Rows::GetStopProgress(StudyId study) {
  Query query(database_,
              "SELECT epochs, target_trial, target_score, stage, ended, best, stages_over FROM "
              "stop_progress WHERE study_id = ?1");
  query.Bind(study);
  StopProgress progress;
  VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
  if (!found) return progress;
  progress.epochs = query.Int(0);
  progress.target_trial = query.Int(1);
  progress.target_score = query.Real(2);
  progress.stage = static_cast<int>(query.Int(3));
  progress.ended = query.Int(4);
  if (!query.IsNull(5)) progress.best = query.Real(5);
  progress.stages_over = static_cast<int>(query.Int(6));
  return progress;
}

absl::Status Rows::PutStopProgress(StudyId study, const StopProgress& progress) {
  Query query(database_,
              "INSERT INTO stop_progress(study_id, epochs, target_trial, target_score, stage, "
              "ended, best, stages_over) VALUES(?1,?2,?3,?4,?5,?6,?7,?8) ON CONFLICT(study_id) DO "
              "UPDATE SET epochs=excluded.epochs, target_trial=excluded.target_trial, "
              "target_score=excluded.target_score, stage=excluded.stage, ended=excluded.ended, "
              "best=excluded.best, stages_over=excluded.stages_over");
  query.Bind(study).Bind(progress.epochs).Bind(progress.target_trial);
  query.Bind(progress.target_score).Bind(progress.stage);
  query.Bind(progress.ended).Bind(progress.best).Bind(progress.stages_over);
  return query.Run();
}

absl::StatusOr<std::vector<LearnedTrial>> Rows::ListLearned(StudyId study) {
  Query query(database_,
              "SELECT source_study, source_number, configuration, state, epoch, score, "
              "score_is_nan FROM learned_trials WHERE study_id = ?1 ORDER BY position");
  query.Bind(study);
  std::vector<LearnedTrial> trials;
  for (;;) {
    VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
    if (!found) return trials;
    LearnedTrial trial;
    trial.study = query.Text(0);
    trial.number = query.Int(1);
    VIZSLA_ASSIGN_OR_RETURN(trial.configuration, ConfigurationFromJsonText(query.Text(2)));
    VIZSLA_ASSIGN_OR_RETURN(trial.state,
                            EnumAt(query, 3, TrialState::kCancelled, "state of a trial"));
    trial.epoch = static_cast<int>(query.Int(4));
    trial.score = ScoreAt(query, 5);
    trials.push_back(std::move(trial));
  }
}

absl::Status Rows::InsertLearned(StudyId study, std::span<const LearnedTrial> trials) {
  int64_t position = 0;
  {
    Query last(database_,
               "SELECT coalesce(max(position), 0) FROM learned_trials WHERE study_id = ?1");
    last.Bind(study);
    VIZSLA_RETURN_IF_ERROR(last.Next().status());
    position = last.Int(0);
  }
  for (const LearnedTrial& trial : trials) {
    const std::string configuration = ToJsonText(trial.configuration);
    Query query(database_,
                "INSERT INTO learned_trials(study_id, position, source_study, source_number, "
                "configuration, state, epoch, score, score_is_nan) "
                "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)");
    query.Bind(study).Bind(++position).Bind(std::string_view(trial.study)).Bind(trial.number);
    query.Bind(std::string_view(configuration)).Bind(static_cast<int>(trial.state));
    query.Bind(trial.epoch);
    BindScore(query, trial.score);
    query.Bind(IsNan(trial.score) ? 1 : 0);
    VIZSLA_RETURN_IF_ERROR(query.Run());
  }
  return absl::OkStatus();
}

}  // namespace vizsla
