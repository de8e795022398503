#include "src/scheduling/memory_trial_store.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

namespace vizsla {

namespace {

// Everything of one trial.
struct TrialRows {
  Trial trial;
  std::map<int, EpochReport> reports;
  std::map<AttemptNumber, AttemptRow> attempts;
  std::vector<LogRow> logs;
};

// Full chunks are shared by all versions of the tables.
struct DecisionRows {
  static constexpr size_t kChunk = 64;
  std::vector<std::shared_ptr<const std::vector<DecisionRow>>> full;
  std::vector<DecisionRow> newest;
};

}  // namespace

// Each commit makes a new version. It shares with the one before what the change left alone: a
// version that was handed out is never changed.
struct MemoryTrialStore::Tables {
  int64_t last_study = 0;
  int64_t last_trial = 0;
  int64_t last_evaluation = 0;
  std::map<StudyId, std::shared_ptr<const Study>> studies;
  std::map<TrialId, std::shared_ptr<const TrialRows>> trials;
  std::map<std::pair<StudyId, int64_t>, TrialId> numbers;
  std::map<int64_t, EvaluationRow> evaluations;
  std::map<StudyId, DecisionRows> decisions;
  std::map<StudyId, StopProgress> stop_progress;
  std::map<StudyId, std::vector<LearnedTrial>> learned;
};

namespace {

class TablesWriter final : public TrialWriter {
 public:
  explicit TablesWriter(MemoryTrialStore::Tables& tables) : tables_(tables) {}

  absl::StatusOr<std::vector<Study>> ListStudies() override {
    std::vector<Study> studies;
    for (const auto& [id, study] : tables_.studies) studies.push_back(*study);
    return studies;
  }

  absl::StatusOr<Study> GetStudy(StudyId id) override {
    const auto found = tables_.studies.find(id);
    if (found == tables_.studies.end()) return NoStudy(id);
    return *found->second;
  }

  absl::StatusOr<Study> FindStudy(std::string_view name) override {
    for (auto entry = tables_.studies.rbegin(); entry != tables_.studies.rend(); ++entry) {
      const Study& study = *entry->second;
      if (name.empty() || study.spec.name == name) return study;
    }
    if (name.empty()) return absl::NotFoundError("there is no study yet");
    return absl::NotFoundError(StrCat("there is no study '", name, "'"));
  }

  absl::StatusOr<Trial> GetTrial(TrialId id) override {
    const auto found = tables_.trials.find(id);
    if (found == tables_.trials.end()) return NoTrial(id);
    return found->second->trial;
  }

  absl::StatusOr<Trial> FindTrial(StudyId study, int64_t number) override {
    const auto found = tables_.numbers.find({study, number});
    if (found == tables_.numbers.end()) {
      return absl::NotFoundError(StrCat("the study has no trial ", number));
    }
    return tables_.trials.at(found->second)->trial;
  }

  absl::StatusOr<std::vector<Trial>> ListTrials(StudyId study,
                                                std::span<const TrialState> states) override {
    std::vector<Trial> trials;
    VisitTrials(study, states, [&](const Trial& trial) {
      trials.push_back(trial);
      return true;
    });
    return trials;
  }

  absl::Status ForEachTrial(StudyId study,
                            const std::function<absl::Status(const Trial&)>& each) override {
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, ListTrials(study, {}));
    for (const Trial& trial : trials) VIZSLA_RETURN_IF_ERROR(each(trial));
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<TrialSummary>> SummarizeTrials(StudyId study) override {
    std::vector<TrialSummary> summaries;
    for (auto entry = tables_.numbers.lower_bound({study, 0});
         entry != tables_.numbers.end() && entry->first.first == study; ++entry) {
      summaries.push_back(Summarize(*tables_.trials.at(entry->second)));
    }
    return summaries;
  }

  absl::StatusOr<TrialSummary> SummarizeTrial(TrialId id) override {
    const auto found = tables_.trials.find(id);
    if (found == tables_.trials.end()) return NoTrial(id);
    return Summarize(*found->second);
  }

  absl::StatusOr<std::vector<Trial>> ListRuns(StudyId study, int64_t first) override {
    VIZSLA_ASSIGN_OR_RETURN(std::vector<Trial> trials, ListTrials(study, {}));
    std::erase_if(trials, [&](const Trial& trial) {
      return trial.number != first && trial.repeat_of != first;
    });
    return trials;
  }

  absl::StatusOr<int64_t> CountTrials(StudyId study, std::span<const TrialState> states) override {
    int64_t count = 0;
    VisitTrials(study, states, [&](const Trial&) {
      ++count;
      return true;
    });
    return count;
  }

  absl::StatusOr<bool> AnyTrial(StudyId study, std::span<const TrialState> states) override {
    bool any = false;
    VisitTrials(study, states, [&](const Trial&) {
      any = true;
      return false;
    });
    return any;
  }

  absl::StatusOr<std::vector<StateSummary>> SummarizeStates(StudyId study) override {
    std::map<TrialState, StateSummary> summaries;
    VisitTrials(study, {}, [&](const Trial& trial) {
      StateSummary& summary = summaries[trial.state];
      summary.state = trial.state;
      ++summary.trials;
      if (!trial.score || std::isnan(*trial.score)) return true;
      summary.lowest_score = std::min(summary.lowest_score.value_or(*trial.score), *trial.score);
      summary.highest_score = std::max(summary.highest_score.value_or(*trial.score), *trial.score);
      return true;
    });
    std::vector<StateSummary> list;
    for (const auto& [state, summary] : summaries) list.push_back(summary);
    return list;
  }

  absl::StatusOr<int64_t> LastTrialNumber(StudyId study) override {
    auto after = tables_.numbers.upper_bound({study, std::numeric_limits<int64_t>::max()});
    if (after == tables_.numbers.begin()) return 0;
    const auto& [key, id] = *std::prev(after);
    return key.first == study ? key.second : 0;
  }

  absl::StatusOr<std::optional<Trial>> FirstQueued(StudyId study) override {
    constexpr TrialState kQueued[] = {TrialState::kQueued};
    std::optional<Trial> first;
    VisitTrials(study, kQueued, [&](const Trial& trial) {
      first = trial;
      return false;
    });
    return first;
  }

  absl::StatusOr<std::vector<Trial>> ListHeldBy(const std::string& worker) override {
    std::vector<Trial> held;
    for (const auto& [id, rows] : tables_.trials) {
      const Trial& trial = rows->trial;
      if (trial.state == TrialState::kRunning && trial.worker == worker) held.push_back(trial);
    }
    return held;
  }

  absl::StatusOr<std::vector<EpochReport>> ListReports(TrialId trial) override {
    return ValuesOf(trial, &TrialRows::reports);
  }

  absl::StatusOr<std::vector<AttemptRow>> ListAttempts(TrialId trial) override {
    return ValuesOf(trial, &TrialRows::attempts);
  }

  absl::StatusOr<std::vector<LogRow>> ListLogs(TrialId trial) override {
    const auto found = tables_.trials.find(trial);
    return found == tables_.trials.end() ? std::vector<LogRow>() : found->second->logs;
  }

  absl::StatusOr<std::vector<EvaluationRow>> ListEvaluations(StudyId study) override {
    std::vector<EvaluationRow> rows;
    for (const auto& [id, row] : tables_.evaluations) {
      if (row.study == study) rows.push_back(row);
    }
    return rows;
  }

  absl::StatusOr<std::vector<DecisionRow>> ListDecisions(StudyId study, int64_t after,
                                                         int64_t limit) override {
    std::vector<DecisionRow> rows;
    const auto found = tables_.decisions.find(study);
    if (found == tables_.decisions.end()) return rows;
    const DecisionRows& log = found->second;
    const auto full = static_cast<int64_t>(log.full.size() * DecisionRows::kChunk);
    const int64_t end = full + static_cast<int64_t>(log.newest.size());
    for (int64_t i = std::max<int64_t>(0, after); i < end && limit > 0; ++i, --limit) {
      const auto place = static_cast<size_t>(i);
      rows.push_back(i < full
                         ? (*log.full[place / DecisionRows::kChunk])[place % DecisionRows::kChunk]
                         : log.newest[static_cast<size_t>(i - full)]);
    }
    return rows;
  }

  absl::StatusOr<StopProgress> GetStopProgress(StudyId study) override {
    const auto found = tables_.stop_progress.find(study);
    return found == tables_.stop_progress.end() ? StopProgress() : found->second;
  }

  absl::StatusOr<std::vector<LearnedTrial>> ListLearned(StudyId study) override {
    const auto found = tables_.learned.find(study);
    return found == tables_.learned.end() ? std::vector<LearnedTrial>() : found->second;
  }

  absl::StatusOr<bool> IsArtifactReferenced(const std::string& hash) override {
    if (hash.empty()) return false;
    for (const auto& [id, study] : tables_.studies) {
      if (study->inputs.split_hash == hash || study->inputs.weights_hash == hash) return true;
    }
    return std::any_of(tables_.trials.begin(), tables_.trials.end(),
                       [&](const auto& entry) { return References(*entry.second, hash); });
  }

  absl::StatusOr<std::string> GetDatabaseId() override { return std::string(32, 'm'); }

  absl::StatusOr<StudyId> InsertStudy(const Study& study) override {
    VIZSLA_RETURN_IF_ERROR(CheckNameFree(study.spec.name, StudyId()));
    const StudyId id(++tables_.last_study);
    auto row = std::make_shared<Study>(study);
    row->id = id;
    tables_.studies[id] = std::move(row);
    return id;
  }

  absl::Status UpdateStudy(const Study& study) override {
    const auto found = tables_.studies.find(study.id);
    if (found == tables_.studies.end()) return NoStudy(study.id);
    VIZSLA_RETURN_IF_ERROR(CheckNameFree(study.spec.name, study.id));
    auto row = std::make_shared<Study>(study);
    row->inputs = found->second->inputs;
    row->created_at = found->second->created_at;
    found->second = std::move(row);
    return absl::OkStatus();
  }

  absl::Status DeleteStudy(StudyId id) override {
    if (tables_.studies.erase(id) == 0) return NoStudy(id);
    tables_.stop_progress.erase(id);
    tables_.learned.erase(id);
    std::erase_if(tables_.trials,
                  [&](const auto& entry) { return entry.second->trial.study == id; });
    std::erase_if(tables_.numbers, [&](const auto& entry) { return entry.first.first == id; });
    std::erase_if(tables_.evaluations, [&](const auto& entry) { return entry.second.study == id; });
    tables_.decisions.erase(id);
    return absl::OkStatus();
  }

  absl::StatusOr<TrialId> InsertTrial(const Trial& trial) override {
    if (!tables_.studies.contains(trial.study)) {
      return absl::FailedPreconditionError("FOREIGN KEY constraint failed");
    }
    if (tables_.numbers.contains({trial.study, trial.number})) {
      return absl::AlreadyExistsError(StrCat("there is a trial ", trial.number));
    }
    const TrialId id(++tables_.last_trial);
    tables_.numbers[{trial.study, trial.number}] = id;
    auto rows = std::make_shared<TrialRows>();
    rows->trial = trial;
    rows->trial.id = id;
    tables_.trials[id] = std::move(rows);
    return id;
  }

  absl::Status UpdateTrial(const Trial& trial) override {
    if (!tables_.trials.contains(trial.id)) return NoTrial(trial.id);
    return Change(trial.id, [&](TrialRows& rows) { rows.trial = trial; });
  }

  absl::Status UpsertReport(TrialId trial, const EpochReport& report) override {
    return Change(trial, [&](TrialRows& rows) { rows.reports[report.epoch] = report; });
  }

  absl::Status UpsertAttempt(const AttemptRow& attempt) override {
    return Change(attempt.trial,
                  [&](TrialRows& rows) { rows.attempts[attempt.attempt] = attempt; });
  }

  absl::Status AppendLog(TrialId trial, const LogRow& line) override {
    return Change(trial, [&](TrialRows& rows) { rows.logs.push_back(line); });
  }

  absl::Status TrimLogs(TrialId trial, int64_t keep) override {
    return Change(trial, [&](TrialRows& rows) {
      const int64_t excess = static_cast<int64_t>(rows.logs.size()) - keep;
      if (excess > 0) rows.logs.erase(rows.logs.begin(), rows.logs.begin() + excess);
    });
  }

  absl::StatusOr<int64_t> InsertEvaluation(const EvaluationRow& evaluation) override {
    if (!tables_.studies.contains(evaluation.study)) {
      return absl::FailedPreconditionError("FOREIGN KEY constraint failed");
    }
    const int64_t id = ++tables_.last_evaluation;
    EvaluationRow& row = tables_.evaluations[id];
    row = evaluation;
    row.id = id;
    return id;
  }

  absl::Status AppendDecisions(StudyId study, Timestamp at, std::string_view events) override {
    VIZSLA_RETURN_IF_ERROR(CheckStudy(study));
    DecisionRows& log = tables_.decisions[study];
    const size_t before = log.full.size() * DecisionRows::kChunk + log.newest.size();
    log.newest.push_back({static_cast<int64_t>(before) + 1, at, std::string(events)});
    if (log.newest.size() == DecisionRows::kChunk) {
      log.full.push_back(
          std::make_shared<const std::vector<DecisionRow>>(std::exchange(log.newest, {})));
    }
    return absl::OkStatus();
  }

  absl::Status PutStopProgress(StudyId study, const StopProgress& progress) override {
    VIZSLA_RETURN_IF_ERROR(CheckStudy(study));
    tables_.stop_progress[study] = progress;
    return absl::OkStatus();
  }

  absl::Status InsertLearned(StudyId study, std::span<const LearnedTrial> trials) override {
    VIZSLA_RETURN_IF_ERROR(CheckStudy(study));
    std::vector<LearnedTrial>& rows = tables_.learned[study];
    rows.insert(rows.end(), trials.begin(), trials.end());
    return absl::OkStatus();
  }

 private:
  // In order of number, until `visit` returns false.
  template <typename Visit>
  void VisitTrials(StudyId study, std::span<const TrialState> states, const Visit& visit) const {
    for (auto entry = tables_.numbers.lower_bound({study, 0});
         entry != tables_.numbers.end() && entry->first.first == study; ++entry) {
      const Trial& trial = tables_.trials.at(entry->second)->trial;
      const bool wanted =
          states.empty() || std::find(states.begin(), states.end(), trial.state) != states.end();
      if (wanted && !visit(trial)) return;
    }
  }

  // In a copy of its own: other versions of the tables share the rows as they were.
  template <typename Function>
  absl::Status Change(TrialId trial, const Function& change) {
    const auto found = tables_.trials.find(trial);
    if (found == tables_.trials.end()) {
      return absl::FailedPreconditionError("FOREIGN KEY constraint failed");
    }
    auto rows = std::make_shared<TrialRows>(*found->second);
    change(*rows);
    found->second = std::move(rows);
    return absl::OkStatus();
  }

  template <typename Key, typename Value>
  std::vector<Value> ValuesOf(TrialId trial, std::map<Key, Value> TrialRows::*table) const {
    std::vector<Value> values;
    const auto found = tables_.trials.find(trial);
    if (found == tables_.trials.end()) return values;
    for (const auto& [key, value] : (*found->second).*table) values.push_back(value);
    return values;
  }

  static bool References(const TrialRows& rows, const std::string& hash) {
    const Trial& trial = rows.trial;
    const bool starts_from = !IsFinished(trial.state) && (trial.warm_start.checkpoint == hash ||
                                                          trial.lineage.checkpoint == hash);
    return starts_from || trial.best_checkpoint == hash || trial.last_checkpoint == hash ||
           std::any_of(rows.reports.begin(), rows.reports.end(),
                       [&](const auto& entry) { return entry.second.checkpoint_hash == hash; });
  }

  static TrialSummary Summarize(const TrialRows& rows) {
    TrialSummary summary = SummaryOf(rows.trial);
    for (const auto& [number, attempt] : rows.attempts) {
      if (attempt.ended_at) {
        summary.trained += std::max(Milliseconds(0), *attempt.ended_at - attempt.started_at);
      } else {
        summary.running_since = attempt.started_at;
      }
    }
    return summary;
  }

  static absl::Status NoStudy(StudyId id) {
    return absl::NotFoundError(StrCat("there is no study with id ", id.value()));
  }
  static absl::Status NoTrial(TrialId id) {
    return absl::NotFoundError(StrCat("there is no trial with id ", id.value()));
  }
  absl::Status CheckStudy(StudyId id) const {
    if (tables_.studies.contains(id)) return absl::OkStatus();
    return absl::FailedPreconditionError("FOREIGN KEY constraint failed");
  }
  absl::Status CheckNameFree(const std::string& name, StudyId except) const {
    for (const auto& [id, study] : tables_.studies) {
      if (id != except && study->spec.name == name) {
        return absl::AlreadyExistsError(StrCat("there is a study '", name, "' already"));
      }
    }
    return absl::OkStatus();
  }

  MemoryTrialStore::Tables& tables_;
};

}  // namespace

MemoryTrialStore::MemoryTrialStore() : tables_(std::make_shared<Tables>()) {}
MemoryTrialStore::~MemoryTrialStore() = default;

absl::Status MemoryTrialStore::Write(const std::function<absl::Status(TrialWriter&)>& change) {
  std::lock_guard writing(write_mutex_);
  std::shared_ptr<Tables> next;
  {
    std::lock_guard lock(mutex_);
    next = std::make_shared<Tables>(*tables_);
  }
  TablesWriter writer(*next);
  VIZSLA_RETURN_IF_ERROR(change(writer));
  if (commit_hook_) {
    const absl::Status committed = commit_hook_();
    if (!committed.ok()) {
      ++failed_commits_;
      return committed;
    }
  }
  std::lock_guard lock(mutex_);
  tables_ = std::move(next);
  return absl::OkStatus();
}

absl::Status MemoryTrialStore::Read(const std::function<absl::Status(TrialReader&)>& query) {
  std::shared_ptr<const Tables> snapshot;
  {
    std::lock_guard lock(mutex_);
    snapshot = tables_;
  }
  // A reader has no way to change them.
  TablesWriter reader(const_cast<Tables&>(*snapshot));
  return query(reader);
}

void MemoryTrialStore::SetCommitHook(std::function<absl::Status()> hook) {
  std::lock_guard writing(write_mutex_);
  commit_hook_ = std::move(hook);
}

}  // namespace vizsla
