#include "src/storage/trial_columns.h"

#include <array>
#include <bitset>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "src/base/check.h"
#include "src/storage/column_values.h"

namespace vizsla {
namespace {

// Digits that read back equal, a comma between; NaN and the infinities as words.
std::string NumbersToText(const std::vector<double>& numbers) {
  return absl::StrJoin(numbers, ",", [](std::string* out, double number) {
    absl::StrAppend(out, std::isfinite(number) ? nlohmann::json(number).dump()
                         : std::isnan(number)  ? "nan"
                                               : (number > 0 ? "inf" : "-inf"));
  });
}

// Texts that a statement refers to until it ends.
struct Texts {
  std::string configuration;
  std::string further_values;
};

// All but the id. `same`: whether two trials have the same value there; a NaN may count as
// different, which costs a write and no more.
struct TrialColumn {
  std::string_view name;
  bool (*same)(const Trial& a, const Trial& b);
  void (*bind)(Query& query, const Trial& trial, Texts& texts);
};

#define VIZSLA_TRIAL_COLUMN(name, field)                                                \
  TrialColumn {                                                                         \
    name, [](const Trial& a, const Trial& b) { return a.field == b.field; },            \
        [](Query& query, const Trial& trial, Texts&) { BindValue(query, trial.field); } \
  }

void BindValue(Query& query, const std::string& value) { query.Bind(std::string_view(value)); }
void BindValue(Query& query, bool value) { query.Bind(value ? 1 : 0); }
template <typename T>
void BindValue(Query& query, const T& value) {
  if constexpr (std::is_enum_v<T>) {
    query.Bind(static_cast<int>(value));
  } else {
    query.Bind(value);
  }
}

void BindConfiguration(Query& query, const Trial& trial, Texts& texts) {
  texts.configuration = ToJsonText(trial.configuration);
  query.Bind(std::string_view(texts.configuration));
}

void BindFurtherValues(Query& query, const Trial& trial, Texts& texts) {
  texts.further_values = NumbersToText(trial.further_values);
  query.Bind(std::string_view(texts.further_values));
}

bool SameScore(const Trial& a, const Trial& b) { return a.score == b.score; }

constexpr std::array kColumns = {
    VIZSLA_TRIAL_COLUMN("study_id", study),
    VIZSLA_TRIAL_COLUMN("number", number),
    VIZSLA_TRIAL_COLUMN("name", name),
    VIZSLA_TRIAL_COLUMN("notes", notes),
    TrialColumn{"configuration",
                [](const Trial& a, const Trial& b) { return a.configuration == b.configuration; },
                BindConfiguration},
    VIZSLA_TRIAL_COLUMN("state", state),
    VIZSLA_TRIAL_COLUMN("attempt", attempt),
    VIZSLA_TRIAL_COLUMN("crashes", crashes),
    VIZSLA_TRIAL_COLUMN("epoch", epoch),
    TrialColumn{"score", SameScore,
                [](Query& query, const Trial& trial, Texts&) { BindScore(query, trial.score); }},
    TrialColumn{
        "score_is_nan", SameScore,
        [](Query& query, const Trial& trial, Texts&) { query.Bind(IsNan(trial.score) ? 1 : 0); }},
    VIZSLA_TRIAL_COLUMN("best_epoch", best_epoch),
    VIZSLA_TRIAL_COLUMN("best_checkpoint", best_checkpoint),
    VIZSLA_TRIAL_COLUMN("last_checkpoint", last_checkpoint),
    VIZSLA_TRIAL_COLUMN("last_checkpoint_epoch", last_checkpoint_epoch),
    VIZSLA_TRIAL_COLUMN("worker", worker),
    VIZSLA_TRIAL_COLUMN("reason", reason),
    VIZSLA_TRIAL_COLUMN("created_ms", created_at),
    VIZSLA_TRIAL_COLUMN("started_ms", started_at),
    VIZSLA_TRIAL_COLUMN("finished_ms", finished_at),
    VIZSLA_TRIAL_COLUMN("stage", stage),
    VIZSLA_TRIAL_COLUMN("init_kind", warm_start.kind),
    VIZSLA_TRIAL_COLUMN("init_trial", warm_start.trial),
    VIZSLA_TRIAL_COLUMN("init_checkpoint", warm_start.checkpoint),
    VIZSLA_TRIAL_COLUMN("rung", rung),
    VIZSLA_TRIAL_COLUMN("checkpoint_dropped", checkpoint_dropped),
    VIZSLA_TRIAL_COLUMN("parent", lineage.parent),
    VIZSLA_TRIAL_COLUMN("parent_epoch", lineage.parent_epoch),
    VIZSLA_TRIAL_COLUMN("member", lineage.member),
    VIZSLA_TRIAL_COLUMN("parent_checkpoint", lineage.checkpoint),
    VIZSLA_TRIAL_COLUMN("repeat_of", repeat_of),
    VIZSLA_TRIAL_COLUMN("final_run", final_run),
    TrialColumn{"further_values",
                [](const Trial& a, const Trial& b) { return a.further_values == b.further_values; },
                BindFurtherValues},
};
#undef VIZSLA_TRIAL_COLUMN

using Written = std::bitset<kColumns.size()>;

// "UPDATE trials SET a=?1, b=?2 WHERE id = ?3".
std::string UpdateText(const Written& written) {
  std::string assignments;
  int64_t count = 0;
  for (size_t i = 0; i < kColumns.size(); ++i) {
    if (!written[i]) continue;
    assignments += StrCat(count == 0 ? "" : ", ", kColumns[i].name, "=?", count + 1);
    ++count;
  }
  return StrCat("UPDATE trials SET ", assignments, " WHERE id = ?", count + 1);
}

// "INSERT INTO trials(a, b) VALUES(?1,?2)".
std::string InsertText() {
  std::string names;
  std::string values;
  for (size_t i = 0; i < kColumns.size(); ++i) {
    names += StrCat(i == 0 ? "" : ", ", kColumns[i].name);
    values += StrCat(i == 0 ? "?" : ",?", i + 1);
  }
  return StrCat("INSERT INTO trials(", names, ") VALUES(", values, ")");
}

}  // namespace

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
  trial.score = ScoreAt(query, 10);
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

absl::StatusOr<TrialId> InsertTrialRow(Database& database, const Trial& trial) {
  static const std::string& sql = *new std::string(InsertText());
  Texts texts;
  Query query(database, sql);
  for (const TrialColumn& column : kColumns) column.bind(query, trial, texts);
  VIZSLA_RETURN_IF_ERROR(query.Run());
  return TrialId(database.LastInsertId());
}

absl::Status UpdateTrialRow(Database& database, const Trial* stored, const Trial& trial) {
  // Few sets of columns change together: a report's, a lease's, an end's. Each is one statement,
  // which the connection keeps.
  Written written;
  for (size_t i = 0; i < kColumns.size(); ++i) {
    written[i] = stored == nullptr || !kColumns[i].same(*stored, trial);
  }
  if (written.none()) return absl::OkStatus();
  thread_local std::unordered_map<Written, std::string> known;
  std::string& sql = known[written];
  if (sql.empty()) sql = UpdateText(written);
  Texts texts;
  Query query(database, sql);
  for (size_t i = 0; i < kColumns.size(); ++i) {
    if (written[i]) kColumns[i].bind(query, trial, texts);
  }
  query.Bind(trial.id);
  VIZSLA_RETURN_IF_ERROR(query.Run());
  if (sqlite3_changes64(database.handle()) > 0) return absl::OkStatus();
  return absl::NotFoundError(StrCat("there is no trial with id ", trial.id.value()));
}

}  // namespace vizsla
