#include "src/scheduling/replay.h"

#include "absl/strings/str_join.h"
#include "src/scheduling/learn_policy.h"
#include "src/scheduling/replay_impl.h"
#include "src/scheduling/replay_text.h"
#include "src/scheduling/stage_policy.h"

namespace vizsla {

absl::Status DecisionReplay::Impl::Add(const DecisionRow& row) {
  row_ = &row;
  if (result_.rows > 0 && row.sequence != result_.rows + 1) {
    Differ("the log itself", StrCat("row ", row.sequence), StrCat("row ", result_.rows + 1),
           "every row of a log has the next number");
  }
  result_.rows = row.sequence;
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<LogEvent> events, DecodeEvents(row.events));
  expected_ = Expected();
  draw_ = false;
  for (const LogEvent& event : events) {
    const absl::Status status = ReplayEvent(event);
    if (absl::IsFailedPrecondition(status)) return status;
    if (!status.ok()) {
      Differ("an event of the log", std::string(status.message()), "rows to which it fits",
             DescribeTrials(rows_));
    }
  }
  ObserveReported();
  VIZSLA_RETURN_IF_ERROR(TellOfDrawn());
  CheckNothingIsLeft();
  return absl::OkStatus();
}

absl::Status DecisionReplay::Impl::ReplayEvent(const LogEvent& event) {
  const bool names_the_program = std::holds_alternative<ProgramEvent>(event);
  const auto* study = std::get_if<StudyEvent>(&event);
  if (!names_the_program && !(study != nullptr && study->created)) {
    VIZSLA_RETURN_IF_ERROR(CheckBegun());
  }
  const auto* changed = std::get_if<TrialChangedEvent>(&event);
  if (changed == nullptr || changed->number != reported_trial_) ObserveReported();
  const bool creates = std::holds_alternative<TrialCreatedEvent>(event) ||
                       std::holds_alternative<RepeatsEvent>(event);
  if (!creates) VIZSLA_RETURN_IF_ERROR(TellOfDrawn());
  return std::visit([&](const auto& e) { return Replay(e); }, event);
}

void DecisionReplay::Impl::Differ(const std::string& decision, const std::string& logged,
                                  const std::string& derived, const std::string& inputs) {
  ++result_.difference_count;
  if (result_.differences.size() >= kMostDifferences) return;
  result_.differences.push_back({row_->sequence, row_->at, decision, logged, derived, inputs});
}

void DecisionReplay::Impl::Compare(const std::string& decision, const std::string& logged,
                                   const std::string& derived, const std::string& inputs) {
  if (logged != derived) Differ(decision, logged, derived, inputs);
}

void DecisionReplay::Impl::CheckNothingIsLeft() {
  const auto missing = [&](const std::string& what) {
    Differ("what follows from a decision", "nothing", what, DescribeTrials(rows_));
  };
  for (const Trial& trial : expected_.created) missing(DescribeTrial(trial));
  for (const Trial& trial : expected_.sourced) missing(DescribeTrial(trial));
  for (const int64_t number : expected_.promoted) missing(StrCat("trial ", number, " promoted"));
  for (const int64_t number : expected_.lost) missing(StrCat("trial ", number, " pruned"));
  for (const int64_t number : expected_.hopeless) missing(StrCat("trial ", number, " infeasible"));
  for (const auto& [number, state] : expected_.early) {
    missing(StrCat("trial ", number, " becomes ", ToText(state)));
  }
  if (expected_.study_ends && rows_.study().state != StudyState::kFinished) {
    missing("the study is finished");
  }
}

absl::Status DecisionReplay::Impl::CheckBegun() const {
  if (rows_.has_study()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "the study is older than the log of decisions, which begins in the middle of it");
}

void DecisionReplay::Impl::ObserveReported() {
  if (!std::exchange(report_is_news_, false)) return;
  const Trial* const trial = rows_.Find(reported_trial_);
  if (trial == nullptr) return;
  scheduler_.ObserveChange(*trial);
  scheduler_.pruners_.ObserveReport(*trial, reported_.report);
  scheduler_.samplers_.ObserveReport(*trial, reported_.report);
}

absl::Status DecisionReplay::Impl::TellOfDrawn() {
  if (!drawn_stage_) return absl::OkStatus();
  const int stage = *std::exchange(drawn_stage_, std::nullopt);
  VIZSLA_ASSIGN_OR_RETURN(Pruner* const pruner, scheduler_.PrunerOf(rows_, rows_.study(), stage));
  if (pruner == nullptr) return absl::OkStatus();
  return scheduler_.TellLastTrial(rows_, rows_.study(), stage, *pruner);
}

absl::Status DecisionReplay::Impl::Replay(const ProgramEvent& event) {
  if (result_.programs.empty() || !(result_.programs.back() == event)) {
    result_.programs.push_back(event);
  }
  return absl::OkStatus();
}

absl::Status DecisionReplay::Impl::Replay(const StudyEvent& event) {
  const StudyState before = rows_.study().state;
  VIZSLA_RETURN_IF_ERROR(rows_.Apply(event));
  if (event.spec_json) scheduler_.ForgetPolicies(rows_.study().id);
  if (event.created) {
    for (Trial& trial : MakeEnqueued(rows_.study(), 1, {}, 1, row_->at)) {
      expected_.created.push_back(std::move(trial));
    }
    return absl::OkStatus();
  }
  if (event.state == StudyState::kFinished && before != event.state && !expected_.study_ends) {
    Differ("the end of the study", "it ends", "nothing that ends it", DescribeTrials(rows_));
  }
  const bool revived = before == StudyState::kFinished && event.state == StudyState::kActive;
  return revived ? CheckGoesOn() : absl::OkStatus();
}

absl::Status DecisionReplay::Impl::CheckGoesOn() {
  VIZSLA_ASSIGN_OR_RETURN(const bool stop_is_due, scheduler_.StopIsDue(rows_, rows_.study()));
  VIZSLA_ASSIGN_OR_RETURN(const bool has_work, scheduler_.HasWork(rows_, rows_.study()));
  Compare("what becomes of the finished study", "it goes on",
          stop_is_due || !has_work ? "it stays finished" : "it goes on", DescribeTrials(rows_));
  return absl::OkStatus();
}

absl::Status DecisionReplay::Impl::Replay(const TrialCreatedEvent& event) {
  const std::string inputs = DescribeTrials(rows_);
  VIZSLA_ASSIGN_OR_RETURN(const Trial trial, rows_.Apply(event));
  std::string derived = "no new trial";
  if (!expected_.created.empty()) {
    derived = DescribeTrial(expected_.created.front());
    expected_.created.pop_front();
  }
  Compare(StrCat("the creation of trial ", trial.number), DescribeTrial(trial), derived, inputs);
  scheduler_.ObserveTrial(trial);
  if (std::exchange(draw_, false)) drawn_stage_ = trial.stage;
  return absl::OkStatus();
}

absl::Status DecisionReplay::Impl::Replay(const TrialChangedEvent& event) {
  const LoggedTrial& changes = event.changes;
  const Trial* const found = rows_.Find(event.number);
  const Trial before = found != nullptr ? *found : Trial();
  VIZSLA_ASSIGN_OR_RETURN(const Trial after, rows_.Apply(event));
  const std::string what = StrCat("the change of trial ", event.number);
  if (changes.rung &&
      (expected_.promoted.erase(event.number) == 0 || after.rung != before.rung + 1)) {
    Differ(what, StrCat("rung ", before.rung, " became ", after.rung), "no such promotion",
           DescribeReports(rows_, event.number));
  }
  if (before.state == TrialState::kPaused && after.state == TrialState::kPruned &&
      expected_.lost.erase(event.number) == 0 && !expected_.paused_end) {
    Differ(what, "pruned while it was paused", "no such pruning",
           DescribeReports(rows_, event.number));
  }
  if (before.state == TrialState::kQueued && after.state == TrialState::kInfeasible &&
      expected_.sourced.empty()) {
    CheckHopeless(after);
  }
  const auto early = expected_.early.find(event.number);
  if (changes.state && early != expected_.early.end()) {
    Compare(StrCat("how trial ", event.number, " ends with its study"),
            std::string(ToText(after.state)), std::string(ToText(early->second)),
            DescribeReports(rows_, event.number));
    expected_.early.erase(early);
  }
  if (!expected_.sourced.empty()) {
    const Trial& derived = expected_.sourced.front();
    Compare(StrCat("the source of trial ", derived.number), DescribeTrial(after),
            DescribeTrial(derived), DescribeTrials(rows_));
    expected_.sourced.pop_front();
  }
  // As live: samplers hear of a trial when it waits, ends or gets its source, not when it begins.
  const bool for_samplers = (changes.state && after.state != TrialState::kRunning) ||
                            changes.warm_start || changes.configuration_json;
  if (for_samplers) {
    scheduler_.ObserveTrial(after);
  } else {
    scheduler_.ObserveChange(after);
  }
  ObserveReported();
  return absl::OkStatus();
}

absl::Status DecisionReplay::Impl::Replay(const ReportEvent& event) {
  VIZSLA_ASSIGN_OR_RETURN(reported_, rows_.Apply(event));
  reported_trial_ = event.number;
  report_is_news_ = true;
  return absl::OkStatus();
}

absl::Status DecisionReplay::Impl::Replay(const LearnedEvent& event) {
  const std::vector<std::string>& names = rows_.study().spec.learn_from;
  const auto place = static_cast<size_t>(rows_.learned_sources());
  Compare("the earlier study that is learnt from", event.study,
          place < names.size() ? names[place] : "none", absl::StrJoin(names, ", "));
  // Of the earlier study only what was taken is known: each of it would be taken again.
  Study source = rows_.study();
  source.spec.name = event.study;
  std::vector<Trial> trials;
  for (const LearnedTrial& learned : event.trials) {
    Trial trial;
    trial.number = learned.number;
    trial.configuration = learned.configuration;
    trial.state = learned.state;
    trial.epoch = learned.epoch;
    trial.score = learned.score;
    trials.push_back(std::move(trial));
  }
  VIZSLA_ASSIGN_OR_RETURN(const LearnedFrom taken, TakeTrials(rows_.study(), source, trials));
  Compare(StrCat("what is learnt of study '", event.study, "'"),
          StrCat(event.trials.size(), " trials"), StrCat(taken.trials.size(), " trials"),
          "the parameters of the study");
  result_.counts.learned += std::ssize(event.trials);
  rows_.Apply(event);
  return absl::OkStatus();
}

DecisionReplay::DecisionReplay() : impl_(std::make_unique<Impl>()) {}
DecisionReplay::~DecisionReplay() = default;
absl::Status DecisionReplay::Add(const DecisionRow& row) { return impl_->Add(row); }
const ReplayResult& DecisionReplay::result() const { return impl_->result(); }

}  // namespace vizsla
