#include "src/scheduling/memory_trial_store.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace vizsla {

struct MemoryTrialStore::Tables {
  int64_t last_study = 0;
  int64_t last_trial = 0;
  int64_t last_evaluation = 0;
  std::map<StudyId, Study> studies;
  std::map<TrialId, Trial> trials;
  std::map<std::pair<StudyId, int64_t>, TrialId> numbers;
  std::map<TrialId, std::map<int, EpochReport>> reports;
  std::map<TrialId, std::map<AttemptNumber, AttemptRow>> attempts;
  std::map<TrialId, std::vector<LogRow>> logs;
  std::map<int64_t, EvaluationRow> evaluations;
  std::map<StudyId, StopProgress> stop_progress;
  std::map<StudyId, std::vector<LearnedTrial>> learned;
};

namespace {

class TablesWriter final : public TrialWriter {
 public:
  explicit TablesWriter(MemoryTrialStore::Tables& tables) : tables_(tables) {}

  absl::StatusOr<std::vector<Study>> ListStudies() override {
    std::vector<Study> studies;
    for (const auto& [id, study] : tables_.studies) studies.push_back(study);
    return studies;
  }

  absl::StatusOr<Study> GetStudy(StudyId id) override {
    const auto found = tables_.studies.find(id);
    if (found == tables_.studies.end()) return NoStudy(id);
    return found->second;
  }

  absl::StatusOr<Study> FindStudy(std::string_view name) override {
    for (auto entry = tables_.studies.rbegin(); entry != tables_.studies.rend(); ++entry) {
      const Study& study = entry->second;
      if (name.empty() || study.spec.name == name) return study;
    }
    if (name.empty()) return absl::NotFoundError("there is no study yet");
    return absl::NotFoundError(StrCat("there is no study '", name, "'"));
  }

  absl::StatusOr<Trial> GetTrial(TrialId id) override {
    const auto found = tables_.trials.find(id);
    if (found == tables_.trials.end()) return NoTrial(id);
    return found->second;
  }

  absl::StatusOr<Trial> FindTrial(StudyId study, int64_t number) override {
    const auto found = tables_.numbers.find({study, number});
    if (found == tables_.numbers.end()) {
      return absl::NotFoundError(StrCat("the study has no trial ", number));
    }
    return tables_.trials.at(found->second);
  }

  absl::StatusOr<std::vector<Trial>> ListTrials(StudyId study,
                                                std::span<const TrialState> states) override {
    std::vector<Trial> trials;
    for (auto entry = tables_.numbers.lower_bound({study, 0});
         entry != tables_.numbers.end() && entry->first.first == study; ++entry) {
      const Trial& trial = tables_.trials.at(entry->second);
      const bool wanted =
          states.empty() || std::find(states.begin(), states.end(), trial.state) != states.end();
      if (wanted) trials.push_back(trial);
    }
    return trials;
  }

  absl::StatusOr<int64_t> CountTrials(StudyId study, std::span<const TrialState> states) override {
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, ListTrials(study, states));
    return static_cast<int64_t>(trials.size());
  }

  absl::StatusOr<bool> AnyTrial(StudyId study, std::span<const TrialState> states) override {
    VIZSLA_ASSIGN_OR_RETURN(const int64_t count, CountTrials(study, states));
    return count > 0;
  }

  absl::StatusOr<std::vector<StateSummary>> SummarizeStates(StudyId study) override {
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, ListTrials(study, {}));
    std::map<TrialState, StateSummary> summaries;
    for (const Trial& trial : trials) {
      StateSummary& summary = summaries[trial.state];
      summary.state = trial.state;
      ++summary.trials;
      if (!trial.score || std::isnan(*trial.score)) continue;
      summary.lowest_score = std::min(summary.lowest_score.value_or(*trial.score), *trial.score);
      summary.highest_score = std::max(summary.highest_score.value_or(*trial.score), *trial.score);
    }
    std::vector<StateSummary> list;
    for (const auto& [state, summary] : summaries) list.push_back(summary);
    return list;
  }

  absl::StatusOr<int64_t> LastTrialNumber(StudyId study) override {
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, ListTrials(study, {}));
    return trials.empty() ? 0 : trials.back().number;
  }

  absl::StatusOr<std::optional<Trial>> FirstQueued(StudyId study) override {
    constexpr TrialState kQueued[] = {TrialState::kQueued};
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, ListTrials(study, kQueued));
    if (trials.empty()) return std::optional<Trial>();
    return std::optional<Trial>(trials.front());
  }

  absl::StatusOr<std::vector<Trial>> ListHeldBy(const std::string& worker) override {
    std::vector<Trial> held;
    for (const auto& [id, trial] : tables_.trials) {
      if (trial.state == TrialState::kRunning && trial.worker == worker) held.push_back(trial);
    }
    return held;
  }

  absl::StatusOr<std::vector<EpochReport>> ListReports(TrialId trial) override {
    return ValuesOf(tables_.reports, trial);
  }

  absl::StatusOr<std::vector<AttemptRow>> ListAttempts(TrialId trial) override {
    return ValuesOf(tables_.attempts, trial);
  }

  absl::StatusOr<std::vector<LogRow>> ListLogs(TrialId trial) override {
    const auto found = tables_.logs.find(trial);
    return found == tables_.logs.end() ? std::vector<LogRow>() : found->second;
  }

  absl::StatusOr<std::vector<EvaluationRow>> ListEvaluations(StudyId study) override {
    std::vector<EvaluationRow> rows;
    for (const auto& [id, row] : tables_.evaluations) {
      if (row.study == study) rows.push_back(row);
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
    return References().contains(hash);
  }

  absl::StatusOr<std::string> GetDatabaseId() override { return std::string(32, 'm'); }

  absl::StatusOr<StudyId> InsertStudy(const Study& study) override {
    VIZSLA_RETURN_IF_ERROR(CheckNameFree(study.spec.name, StudyId()));
    const StudyId id(++tables_.last_study);
    Study& row = tables_.studies[id];
    row = study;
    row.id = id;
    return id;
  }

  absl::Status UpdateStudy(const Study& study) override {
    const auto found = tables_.studies.find(study.id);
    if (found == tables_.studies.end()) return NoStudy(study.id);
    VIZSLA_RETURN_IF_ERROR(CheckNameFree(study.spec.name, study.id));
    const Study before = found->second;
    found->second = study;
    found->second.inputs = before.inputs;
    found->second.created_at = before.created_at;
    return absl::OkStatus();
  }

  absl::Status DeleteStudy(StudyId id) override {
    if (tables_.studies.erase(id) == 0) return NoStudy(id);
    tables_.stop_progress.erase(id);
    tables_.learned.erase(id);
    std::erase_if(tables_.trials, [&](const auto& entry) {
      if (entry.second.study != id) return false;
      tables_.reports.erase(entry.first);
      tables_.attempts.erase(entry.first);
      tables_.logs.erase(entry.first);
      return true;
    });
    std::erase_if(tables_.numbers, [&](const auto& entry) { return entry.first.first == id; });
    std::erase_if(tables_.evaluations, [&](const auto& entry) { return entry.second.study == id; });
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
    Trial& row = tables_.trials[id];
    row = trial;
    row.id = id;
    return id;
  }

  absl::Status UpdateTrial(const Trial& trial) override {
    const auto found = tables_.trials.find(trial.id);
    if (found == tables_.trials.end()) return NoTrial(trial.id);
    found->second = trial;
    return absl::OkStatus();
  }

  absl::Status UpsertReport(TrialId trial, const EpochReport& report) override {
    VIZSLA_RETURN_IF_ERROR(CheckTrial(trial));
    tables_.reports[trial][report.epoch] = report;
    return absl::OkStatus();
  }

  absl::Status UpsertAttempt(const AttemptRow& attempt) override {
    VIZSLA_RETURN_IF_ERROR(CheckTrial(attempt.trial));
    tables_.attempts[attempt.trial][attempt.attempt] = attempt;
    return absl::OkStatus();
  }

  absl::Status AppendLog(TrialId trial, const LogRow& line) override {
    VIZSLA_RETURN_IF_ERROR(CheckTrial(trial));
    tables_.logs[trial].push_back(line);
    return absl::OkStatus();
  }

  absl::Status TrimLogs(TrialId trial, int64_t keep) override {
    std::vector<LogRow>& lines = tables_.logs[trial];
    const int64_t excess = static_cast<int64_t>(lines.size()) - keep;
    if (excess > 0) lines.erase(lines.begin(), lines.begin() + excess);
    return absl::OkStatus();
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
  template <typename Key, typename Value>
  static std::vector<Value> ValuesOf(const std::map<TrialId, std::map<Key, Value>>& table,
                                     TrialId trial) {
    std::vector<Value> values;
    const auto found = table.find(trial);
    if (found == table.end()) return values;
    for (const auto& [key, value] : found->second) values.push_back(value);
    return values;
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
  absl::Status CheckTrial(TrialId id) const {
    if (tables_.trials.contains(id)) return absl::OkStatus();
    return absl::FailedPreconditionError("FOREIGN KEY constraint failed");
  }
  absl::Status CheckNameFree(const std::string& name, StudyId except) const {
    for (const auto& [id, study] : tables_.studies) {
      if (id != except && study.spec.name == name) {
        return absl::AlreadyExistsError(StrCat("there is a study '", name, "' already"));
      }
    }
    return absl::OkStatus();
  }

  std::set<std::string> References() const {
    std::set<std::string> hashes;
    for (const auto& [id, study] : tables_.studies) {
      hashes.insert({study.inputs.split_hash, study.inputs.weights_hash});
    }
    for (const auto& [id, trial] : tables_.trials) {
      hashes.insert({trial.best_checkpoint, trial.last_checkpoint});
      if (!IsFinished(trial.state)) {
        hashes.insert({trial.warm_start.checkpoint, trial.lineage.checkpoint});
      }
    }
    for (const auto& [id, reports] : tables_.reports) {
      for (const auto& [epoch, report] : reports) hashes.insert(report.checkpoint_hash);
    }
    hashes.erase("");
    return hashes;
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
