#include "src/storage/rows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "src/storage/spec_cache.h"
#include "src/study/json_fields.h"

namespace vizsla {
namespace {

#define VIZSLA_STUDY_COLUMNS                                                                  \
  "id, spec, dataset_fingerprint, split_hash, weights_hash, state, created_ms, finished_ms, " \
  "active_ms, name, notes, end_reason, learned"
// In the order in which BindTrial binds and TrialAt reads them, after the id.
#define VIZSLA_TRIAL_FIELDS                                                                      \
  "study_id, number, name, notes, configuration, state, attempt, crashes, epoch, score, "        \
  "score_is_nan, best_epoch, best_checkpoint, last_checkpoint, last_checkpoint_epoch, "          \
  "worker, reason, created_ms, started_ms, finished_ms, stage, init_kind, init_trial, "          \
  "init_checkpoint, rung, checkpoint_dropped, parent, parent_epoch, member, parent_checkpoint, " \
  "repeat_of, final_run, further_values"
#define VIZSLA_TRIAL_COLUMNS "id, " VIZSLA_TRIAL_FIELDS
constexpr std::string_view kTrialFields = VIZSLA_TRIAL_FIELDS;

// "INSERT INTO trials(a, b) VALUES(?1,?2)".
std::string InsertText(std::string_view table, std::string_view fields) {
  std::string values;
  const int64_t count = 1 + std::count(fields.begin(), fields.end(), ',');
  for (int64_t i = 1; i <= count; ++i) values += StrCat(i == 1 ? "?" : ",?", i);
  return StrCat("INSERT INTO ", table, "(", fields, ") VALUES(", values, ")");
}

// "UPDATE trials SET a=?1, b=?2 WHERE id = ?3".
std::string UpdateText(std::string_view table, std::string_view fields) {
  std::string assignments;
  int64_t count = 0;
  for (const absl::string_view field :
       absl::StrSplit(absl::string_view(fields.data(), fields.size()), ", ")) {
    assignments += StrCat(count == 0 ? "" : ", ", std::string(field), "=?", count + 1);
    ++count;
  }
  return StrCat("UPDATE ", table, " SET ", assignments, " WHERE id = ?", count + 1);
}

Timestamp TimeAt(const Query& query, int column) { return FromUnixMillis(query.Int(column)); }

std::optional<Timestamp> OptionalTimeAt(const Query& query, int column) {
  if (query.IsNull(column)) return std::nullopt;
  return TimeAt(query, column);
}

// An enumerator that this program knows, or DataLoss.
template <typename Enum>
absl::StatusOr<Enum> EnumAt(const Query& query, int column, Enum last, std::string_view what) {
  const int64_t value = query.Int(column);
  if (value < 0 || value > static_cast<int64_t>(last)) {
    return absl::DataLossError(StrCat("the database holds an unknown ", what, ": ", value));
  }
  return static_cast<Enum>(value);
}

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

// Digits that read back equal, a comma between; NaN and the infinities as words.
std::string NumbersToText(const std::vector<double>& numbers) {
  return absl::StrJoin(numbers, ",", [](std::string* out, double number) {
    absl::StrAppend(out, std::isfinite(number) ? nlohmann::json(number).dump()
                         : std::isnan(number)  ? "nan"
                                               : (number > 0 ? "inf" : "-inf"));
  });
}

absl::StatusOr<std::vector<double>> NumbersFromText(std::string_view text) {
  std::vector<double> numbers;
  if (text.empty()) return numbers;
  for (const absl::string_view part :
       absl::StrSplit(absl::string_view(text.data(), text.size()), ',')) {
    if (!absl::SimpleAtod(part, &numbers.emplace_back())) {
      return absl::DataLossError(StrCat("further_values: '", std::string(part), "' is no number"));
    }
  }
  return numbers;
}

absl::StatusOr<Trial> TrialAt(const Query& query) {
  Trial trial;
  trial.id = TrialId(query.Int(0));
  trial.study = StudyId(query.Int(1));
  trial.number = query.Int(2);
  trial.name = query.Text(3);
  trial.notes = query.Text(4);
  VIZSLA_ASSIGN_OR_RETURN(trial.configuration, ConfigurationFromJsonText(query.Text(5)));
  VIZSLA_ASSIGN_OR_RETURN(trial.state,
                          EnumAt(query, 6, TrialState::kCancelled, "state of a trial"));
  trial.attempt = AttemptNumber(query.Int(7));
  trial.crashes = static_cast<int>(query.Int(8));
  trial.epoch = static_cast<int>(query.Int(9));
  if (query.Int(11) != 0) {
    trial.score = std::numeric_limits<double>::quiet_NaN();
  } else if (!query.IsNull(10)) {
    trial.score = query.Real(10);
  }
  trial.best_epoch = static_cast<int>(query.Int(12));
  trial.best_checkpoint = query.Text(13);
  trial.last_checkpoint = query.Text(14);
  trial.last_checkpoint_epoch = static_cast<int>(query.Int(15));
  trial.worker = query.Text(16);
  trial.reason = query.Text(17);
  trial.created_at = TimeAt(query, 18);
  trial.started_at = OptionalTimeAt(query, 19);
  trial.finished_at = OptionalTimeAt(query, 20);
  trial.stage = static_cast<int>(query.Int(21));
  VIZSLA_ASSIGN_OR_RETURN(
      trial.warm_start.kind,
      EnumAt(query, 22, WarmStart::Kind::kBestConfiguration, "source of a trial"));
  trial.warm_start.trial = query.Int(23);
  trial.warm_start.checkpoint = query.Text(24);
  trial.rung = static_cast<int>(query.Int(25));
  trial.checkpoint_dropped = query.Int(26) != 0;
  trial.lineage = {query.Int(27), static_cast<int>(query.Int(28)), query.Int(29), query.Text(30)};
  trial.repeat_of = query.Int(31);
  trial.final_run = query.Int(32) != 0;
  VIZSLA_ASSIGN_OR_RETURN(trial.further_values, NumbersFromText(query.Text(33)));
  return trial;
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

bool IsNan(const std::optional<double>& score) { return score && std::isnan(*score); }

}  // namespace

std::string MetricsToText(const Metrics& metrics) {
  nlohmann::json fields = nlohmann::json::object();
  for (const auto& [name, value] : metrics) {
    if (std::isnan(value)) {
      fields[name] = "nan";
    } else if (std::isinf(value)) {
      fields[name] = value > 0 ? "inf" : "-inf";
    } else {
      fields[name] = value;
    }
  }
  return DumpJson(fields);
}

absl::StatusOr<Metrics> MetricsFromText(std::string_view text) {
  VIZSLA_ASSIGN_OR_RETURN(const nlohmann::json fields, ParseJson(text, "metrics"));
  Metrics metrics;
  if (!fields.is_object()) return absl::DataLossError("metrics: not an object");
  for (const auto& [name, value] : fields.items()) {
    if (value.is_number()) {
      metrics[name] = value.get<double>();
    } else if (value == "nan") {
      metrics[name] = std::numeric_limits<double>::quiet_NaN();
    } else if (value == "inf") {
      metrics[name] = std::numeric_limits<double>::infinity();
    } else if (value == "-inf") {
      metrics[name] = -std::numeric_limits<double>::infinity();
    } else {
      return absl::DataLossError(StrCat("metrics: ", name, " is no number"));
    }
  }
  return metrics;
}

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
  Query query(database_, "SELECT " VIZSLA_STUDY_COLUMNS " FROM studies WHERE id = ?1");
  query.Bind(id);
  VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
  if (!found) return absl::NotFoundError(StrCat("there is no study with id ", id.value()));
  return StudyAt(query);
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
  Query query(database_, "SELECT " VIZSLA_TRIAL_COLUMNS " FROM trials WHERE id = ?1");
  query.Bind(id);
  VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
  if (!found) return absl::NotFoundError(StrCat("there is no trial with id ", id.value()));
  return TrialAt(query);
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

absl::StatusOr<int64_t> Rows::CountTrials(StudyId study, std::span<const TrialState> states) {
  Query query(database_,
              StrCat("SELECT count(*) FROM trials WHERE study_id = ?1", StateFilter(states)));
  query.Bind(study);
  VIZSLA_RETURN_IF_ERROR(query.Next().status());
  return query.Int(0);
}

absl::StatusOr<bool> Rows::AnyTrial(StudyId study, std::span<const TrialState> states) {
  Query query(database_, StrCat("SELECT EXISTS(SELECT 1 FROM trials WHERE study_id = ?1",
                                StateFilter(states), ")"));
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
  Query query(database_,
              "SELECT epoch, attempt, metrics, duration_ms, reported_ms, checkpoint_hash FROM "
              "reports WHERE trial_id = ?1 ORDER BY epoch");
  query.Bind(trial);
  std::vector<EpochReport> reports;
  for (;;) {
    VIZSLA_ASSIGN_OR_RETURN(const bool found, query.Next());
    if (!found) return reports;
    EpochReport report;
    report.epoch = static_cast<int>(query.Int(0));
    report.attempt = AttemptNumber(query.Int(1));
    VIZSLA_ASSIGN_OR_RETURN(report.metrics, MetricsFromText(query.Text(2)));
    report.duration = Milliseconds(query.Int(3));
    report.reported_at = TimeAt(query, 4);
    report.checkpoint_hash = query.Text(5);
    reports.push_back(std::move(report));
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
  Query query(database_, "DELETE FROM studies WHERE id = ?1");
  query.Bind(id);
  VIZSLA_RETURN_IF_ERROR(query.Run());
  return RequireChanged(StrCat("there is no study with id ", id.value()));
}

namespace {

// Binds everything but the id, in the order of the statements below.
void BindTrial(Query& query, const Trial& trial, std::string_view configuration,
               std::string_view further_values) {
  query.Bind(trial.study).Bind(trial.number);
  query.Bind(std::string_view(trial.name)).Bind(std::string_view(trial.notes));
  query.Bind(configuration).Bind(static_cast<int>(trial.state)).Bind(trial.attempt);
  query.Bind(trial.crashes).Bind(trial.epoch);
  // SQLite would store NaN as NULL anyway; score_is_nan tells it from "no score".
  if (IsNan(trial.score)) {
    query.BindNull();
  } else {
    query.Bind(trial.score);
  }
  query.Bind(IsNan(trial.score) ? 1 : 0).Bind(trial.best_epoch);
  query.Bind(std::string_view(trial.best_checkpoint));
  query.Bind(std::string_view(trial.last_checkpoint)).Bind(trial.last_checkpoint_epoch);
  query.Bind(std::string_view(trial.worker)).Bind(std::string_view(trial.reason));
  query.Bind(trial.created_at).Bind(trial.started_at).Bind(trial.finished_at);
  query.Bind(trial.stage).Bind(static_cast<int>(trial.warm_start.kind));
  query.Bind(trial.warm_start.trial).Bind(std::string_view(trial.warm_start.checkpoint));
  query.Bind(trial.rung).Bind(trial.checkpoint_dropped ? 1 : 0);
  query.Bind(trial.lineage.parent).Bind(trial.lineage.parent_epoch).Bind(trial.lineage.member);
  query.Bind(std::string_view(trial.lineage.checkpoint));
  query.Bind(trial.repeat_of).Bind(trial.final_run ? 1 : 0).Bind(further_values);
}

}  // namespace

absl::StatusOr<TrialId> Rows::InsertTrial(const Trial& trial) {
  static const std::string& sql = *new std::string(InsertText("trials", kTrialFields));
  const std::string configuration = ToJsonText(trial.configuration);
  Query query(database_, sql);
  const std::string further_values = NumbersToText(trial.further_values);
  BindTrial(query, trial, configuration, further_values);
  VIZSLA_RETURN_IF_ERROR(query.Run());
  return TrialId(database_.LastInsertId());
}

absl::Status Rows::UpdateTrial(const Trial& trial) {
  static const std::string& sql = *new std::string(UpdateText("trials", kTrialFields));
  const std::string configuration = ToJsonText(trial.configuration);
  Query query(database_, sql);
  const std::string further_values = NumbersToText(trial.further_values);
  BindTrial(query, trial, configuration, further_values);
  query.Bind(trial.id);
  VIZSLA_RETURN_IF_ERROR(query.Run());
  return RequireChanged(StrCat("there is no trial with id ", trial.id.value()));
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
  return query.Run();
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
    if (query.Int(6) != 0) {
      trial.score = std::numeric_limits<double>::quiet_NaN();
    } else if (!query.IsNull(5)) {
      trial.score = query.Real(5);
    }
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
    if (IsNan(trial.score)) {
      query.BindNull();
    } else {
      query.Bind(trial.score);
    }
    query.Bind(IsNan(trial.score) ? 1 : 0);
    VIZSLA_RETURN_IF_ERROR(query.Run());
  }
  return absl::OkStatus();
}

}  // namespace vizsla
