#include "src/scheduling/replay.h"

#include <algorithm>
#include <deque>
#include <set>

#include "absl/strings/str_join.h"
#include "src/scheduling/budget_policy.h"
#include "src/scheduling/replay_rows.h"
#include "src/scheduling/replay_text.h"
#include "src/scheduling/scheduler_impl.h"
#include "src/scheduling/stage_policy.h"

namespace vizsla {
namespace {

// What a scheduler needs around it to decide over given rows.
class RowsStore final : public TrialStore {
 public:
  explicit RowsStore(ReplayRows& rows) : rows_(rows) {}
  absl::Status Write(const std::function<absl::Status(TrialWriter&)>&) override {
    return absl::UnimplementedError("a replay writes nothing");
  }
  uint64_t FailedCommits() const override { return 0; }
  absl::Status Read(const std::function<absl::Status(TrialReader&)>& query) override {
    return query(rows_);
  }

 private:
  ReplayRows& rows_;
};

class NoArtifacts final : public ArtifactIndex {
 public:
  bool Exists(const std::string&) const override { return true; }
  absl::Status Remove(const std::string&) override { return absl::OkStatus(); }
};

// What must still happen in the row that is being replayed.
struct Expected {
  std::deque<Trial> created;   // by a suggestion or a stage
  std::deque<Trial> sourced;   // waiting trials whose sources were decided
  std::set<int64_t> promoted;  // a rung higher
  std::set<int64_t> lost;      // paused trials that are pruned
  bool paused_end = false;     // a stage or the study: any paused trial may be pruned
};

std::string Describe(const Trial& trial) {
  std::string text =
      DescribeTrial(trial.number, trial.stage, trial.configuration, trial.warm_start);
  if (IsFinished(trial.state)) text += StrCat(", ", ToText(trial.state));
  return text;
}

std::string Numbers(const std::vector<int64_t>& numbers) {
  if (numbers.empty()) return "no trial";
  return StrCat(numbers.size() == 1 ? "trial " : "trials ", absl::StrJoin(numbers, ", "));
}

}  // namespace

class DecisionReplay::Impl {
 public:
  Impl() : store_(rows_), scheduler_(store_, artifacts_, clock_, {}) {}

  absl::Status Add(const DecisionRow& row) {
    row_ = &row;
    if (result_.rows > 0 && row.sequence != result_.rows + 1) {
      Differ("the log itself", StrCat("row ", row.sequence), StrCat("row ", result_.rows + 1),
             "every row of a log has the next number");
    }
    result_.rows = row.sequence;
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<LogEvent> events, DecodeEvents(row.events));
    expected_ = Expected();
    for (const LogEvent& event : events) {
      const absl::Status status = std::visit([&](const auto& e) { return Replay(e); }, event);
      if (absl::IsFailedPrecondition(status)) return status;
      if (!status.ok()) {
        Differ("an event of the log", std::string(status.message()), "rows to which it fits",
               DescribeTrials(rows_));
      }
    }
    CheckNothingIsLeft();
    return absl::OkStatus();
  }

  const ReplayResult& result() const { return result_; }

 private:
  void Differ(const std::string& decision, const std::string& logged, const std::string& derived,
              const std::string& inputs) {
    ++result_.difference_count;
    if (result_.differences.size() >= kMostDifferences) return;
    result_.differences.push_back({row_->sequence, row_->at, decision, logged, derived, inputs});
  }
  void Compare(const std::string& decision, const std::string& logged, const std::string& derived,
               const std::string& inputs) {
    if (logged != derived) Differ(decision, logged, derived, inputs);
  }

  // What was decided in this row but did not come to be.
  void CheckNothingIsLeft() {
    const auto missing = [&](const std::string& what) {
      Differ("what follows from a decision", "nothing", what, DescribeTrials(rows_));
    };
    for (const Trial& trial : expected_.created) missing(Describe(trial));
    for (const Trial& trial : expected_.sourced) missing(Describe(trial));
    for (const int64_t number : expected_.promoted) missing(StrCat("trial ", number, " promoted"));
    for (const int64_t number : expected_.lost) missing(StrCat("trial ", number, " pruned"));
  }

  absl::Status CheckBegun() const {
    if (rows_.has_study()) return absl::OkStatus();
    return absl::FailedPreconditionError(
        "the study is older than the log of decisions, which begins in the middle of it");
  }

  // --- what changed ---

  absl::Status Replay(const ProgramEvent& event) {
    if (result_.programs.empty() || !(result_.programs.back() == event)) {
      result_.programs.push_back(event);
    }
    return absl::OkStatus();
  }

  absl::Status Replay(const StudyEvent& event) {
    if (!event.created) VIZSLA_RETURN_IF_ERROR(CheckBegun());
    VIZSLA_RETURN_IF_ERROR(rows_.Apply(event));
    if (event.spec_json) scheduler_.ForgetPolicies(rows_.study().id);
    if (!event.created) return absl::OkStatus();
    for (Trial& trial : MakeEnqueued(rows_.study(), 1, {}, 1, row_->at)) {
      expected_.created.push_back(std::move(trial));
    }
    return absl::OkStatus();
  }

  absl::Status Replay(const TrialCreatedEvent& event) {
    VIZSLA_RETURN_IF_ERROR(CheckBegun());
    const std::string inputs = DescribeTrials(rows_);
    VIZSLA_ASSIGN_OR_RETURN(const Trial trial, rows_.Apply(event));
    std::string derived = "no new trial";
    if (!expected_.created.empty()) {
      derived = Describe(expected_.created.front());
      expected_.created.pop_front();
    }
    Compare(StrCat("the creation of trial ", trial.number), Describe(trial), derived, inputs);
    scheduler_.ObserveTrial(trial);
    if (!drawn_) return absl::OkStatus();
    drawn_ = false;
    VIZSLA_ASSIGN_OR_RETURN(Pruner* const pruner,
                            scheduler_.PrunerOf(rows_, rows_.study(), trial.stage));
    if (pruner == nullptr) return absl::OkStatus();
    return scheduler_.TellLastTrial(rows_, rows_.study(), trial.stage, *pruner);
  }

  absl::Status Replay(const TrialChangedEvent& event) {
    VIZSLA_RETURN_IF_ERROR(CheckBegun());
    const Trial* const found = rows_.Find(event.number);
    const Trial before = found != nullptr ? *found : Trial();
    VIZSLA_ASSIGN_OR_RETURN(const Trial after, rows_.Apply(event));
    const std::string what = StrCat("the change of trial ", event.number);
    if (event.rung &&
        (expected_.promoted.erase(event.number) == 0 || after.rung != before.rung + 1)) {
      Differ(what, StrCat("rung ", before.rung, " became ", after.rung), "no such promotion",
             DescribeReports(rows_, event.number));
    }
    if (before.state == TrialState::kPaused && after.state == TrialState::kPruned &&
        expected_.lost.erase(event.number) == 0 && !expected_.paused_end) {
      Differ(what, "pruned while it was paused", "no such pruning",
             DescribeReports(rows_, event.number));
    }
    if (!expected_.sourced.empty()) {
      const Trial& derived = expected_.sourced.front();
      Compare(StrCat("the source of trial ", derived.number), Describe(after), Describe(derived),
              DescribeTrials(rows_));
      expected_.sourced.pop_front();
    }
    // As live: samplers hear of a trial when it ends or its row becomes another one's.
    if (event.state || event.warm_start || event.configuration_json) {
      scheduler_.ObserveTrial(after);
    } else {
      scheduler_.ObserveInPruner(after);
    }
    return absl::OkStatus();
  }

  absl::Status Replay(const ReportEvent& event) {
    VIZSLA_RETURN_IF_ERROR(CheckBegun());
    VIZSLA_ASSIGN_OR_RETURN(const EpochReport report, rows_.Apply(event));
    scheduler_.pruners_.ObserveReport(*rows_.Find(event.number), report);
    return absl::OkStatus();
  }

  // --- what was decided ---

  absl::Status Replay(const NextEvent& event) {
    VIZSLA_RETURN_IF_ERROR(CheckBegun());
    VIZSLA_ASSIGN_OR_RETURN(const SchedulerImpl::Next next,
                            scheduler_.FindNext(rows_, rows_.study()));
    const auto resumes = [](int64_t number) { return StrCat("trial ", number, " goes on"); };
    drawn_ = event.resumed == 0;
    if (event.resumed != 0) {
      ++result_.counts.promotions;
      expected_.promoted.insert(event.resumed);
      Compare("what comes next", resumes(event.resumed),
              next.resume != 0 ? resumes(next.resume) : "no paused trial goes on",
              DescribeTrials(rows_));
      return absl::OkStatus();
    }
    ++result_.counts.suggestions;
    if (!next.draw) {
      Differ("what comes next", "a new trial", next.resume != 0 ? resumes(next.resume) : "nothing",
             DescribeTrials(rows_));
      return absl::OkStatus();
    }
    Trial trial;
    VIZSLA_ASSIGN_OR_RETURN(const int64_t last, rows_.LastTrialNumber(rows_.study().id));
    trial.number = last + 1;
    trial.stage = next.draw->stage;
    trial.configuration = next.draw->configuration;
    trial.warm_start = next.draw->warm_start;
    expected_.created.push_back(std::move(trial));
    return absl::OkStatus();
  }

  absl::Status Replay(const PruneEvent& event) {
    VIZSLA_RETURN_IF_ERROR(CheckBegun());
    switch (event.decision) {
      case PruneDecision::kContinue:
        ++result_.counts.continuations;
        break;
      case PruneDecision::kPromote:
        ++result_.counts.promotions;
        expected_.promoted.insert(event.number);
        break;
      case PruneDecision::kPause:
        ++result_.counts.pauses;
        break;
      case PruneDecision::kPrune:
        ++result_.counts.prunings;
        break;
    }
    VIZSLA_ASSIGN_OR_RETURN(const Trial trial, rows_.FindTrial(rows_.study().id, event.number));
    VIZSLA_ASSIGN_OR_RETURN(Pruner* const pruner,
                            scheduler_.PrunerOf(rows_, rows_.study(), trial.stage));
    Compare(StrCat("the pruner's word on trial ", event.number, " at epoch ", trial.epoch),
            ToText(event.decision),
            pruner != nullptr ? ToText(pruner->Decide(event.number)) : "there is no pruner",
            DescribeReports(rows_, event.number));
    return absl::OkStatus();
  }

  absl::Status Replay(const LosersEvent& event) {
    VIZSLA_RETURN_IF_ERROR(CheckBegun());
    result_.counts.prunings += std::ssize(event.numbers);
    expected_.lost.insert(event.numbers.begin(), event.numbers.end());
    VIZSLA_ASSIGN_OR_RETURN(Pruner* const pruner,
                            scheduler_.PrunerOf(rows_, rows_.study(), event.stage));
    Compare(StrCat("the paused trials of stage ", event.stage, " that never go on"),
            Numbers(event.numbers),
            pruner != nullptr ? Numbers(pruner->ToPrune()) : "there is no pruner",
            DescribeTrials(rows_));
    return absl::OkStatus();
  }

  absl::Status Replay(const SourcesEvent& event) {
    VIZSLA_RETURN_IF_ERROR(CheckBegun());
    result_.counts.sources += event.count;
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials,
                            rows_.ListTrials(rows_.study().id, {}));
    VIZSLA_ASSIGN_OR_RETURN(const auto draw, scheduler_.DrawInStage(rows_, rows_.study(),
                                                                    CurrentStage(trials), trials));
    const std::vector<Trial> decided =
        DecideWaiting(rows_.study(), trials, /*sampled_out=*/!draw.has_value(), row_->at);
    expected_.sourced.assign(decided.begin(), decided.end());
    Compare("how many waiting trials have their source", StrCat(event.count),
            StrCat(decided.size()), DescribeTrials(rows_));
    return absl::OkStatus();
  }

  absl::Status Replay(const StalledEvent& event) {
    VIZSLA_RETURN_IF_ERROR(CheckBegun());
    result_.counts.prunings += std::ssize(event.numbers);
    expected_.lost.insert(event.numbers.begin(), event.numbers.end());
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials,
                            rows_.ListTrials(rows_.study().id, {}));
    const int stage = CurrentStage(trials);
    VIZSLA_ASSIGN_OR_RETURN(const auto draw,
                            scheduler_.DrawInStage(rows_, rows_.study(), stage, trials));
    VIZSLA_ASSIGN_OR_RETURN(const auto resume,
                            scheduler_.NextToResume(rows_, rows_.study(), stage));
    std::vector<int64_t> derived;
    if (!draw && !resume) {
      for (const Trial& trial : PausedSources(trials)) derived.push_back(trial.number);
    }
    Compare("the paused trials that others wait for", Numbers(event.numbers), Numbers(derived),
            DescribeTrials(rows_));
    return absl::OkStatus();
  }

  absl::Status Replay(const StageEvent& event) {
    VIZSLA_RETURN_IF_ERROR(CheckBegun());
    ++result_.counts.ends;
    expected_.paused_end = true;
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials,
                            rows_.ListTrials(rows_.study().id, {}));
    const int current = CurrentStage(trials);
    VIZSLA_ASSIGN_OR_RETURN(const auto draw,
                            scheduler_.DrawInStage(rows_, rows_.study(), current, trials));
    VIZSLA_ASSIGN_OR_RETURN(const auto resume,
                            scheduler_.NextToResume(rows_, rows_.study(), current));
    const int next = current + 1;
    const bool begins = !draw && !resume && !AnyOpen(trials) &&
                        next <= StageCount(rows_.study().spec) &&
                        !SourcesOfStage(rows_.study(), next, trials).empty();
    Compare("the end of a stage", StrCat("stage ", event.stage, " begins"),
            begins ? StrCat("stage ", next, " begins") : StrCat("stage ", current, " goes on"),
            DescribeTrials(rows_));
    if (!begins) return absl::OkStatus();
    for (Trial& trial :
         MakeEnqueued(rows_.study(), next, trials, trials.back().number + 1, row_->at)) {
      expected_.created.push_back(std::move(trial));
    }
    return absl::OkStatus();
  }

  absl::Status Replay(const FinishEvent& event) {
    VIZSLA_RETURN_IF_ERROR(CheckBegun());
    ++result_.counts.ends;
    expected_.paused_end = true;
    bool ends = false;
    if (event.why == FinishEvent::Why::kWallTime) {
      ends = WallTimeOver(rows_.study().spec, Milliseconds(event.active_ms));
    } else {
      VIZSLA_ASSIGN_OR_RETURN(const bool has_work, scheduler_.HasWork(rows_, rows_.study()));
      ends = !has_work;
    }
    Compare("the end of the study", "it ends", ends ? "it ends" : "it goes on",
            DescribeTrials(rows_));
    return absl::OkStatus();
  }

  ReplayRows rows_;
  RowsStore store_;
  NoArtifacts artifacts_;
  ManualClock clock_{Timestamp{}};
  SchedulerImpl scheduler_;
  ReplayResult result_;
  const DecisionRow* row_ = nullptr;  // that is being replayed
  Expected expected_;
  bool drawn_ = false;  // the next trial that is created comes from a sampler
};

DecisionReplay::DecisionReplay() : impl_(std::make_unique<Impl>()) {}
DecisionReplay::~DecisionReplay() = default;
absl::Status DecisionReplay::Add(const DecisionRow& row) { return impl_->Add(row); }
const ReplayResult& DecisionReplay::result() const { return impl_->result(); }

}  // namespace vizsla
