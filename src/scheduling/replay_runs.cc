// More runs of configurations, populations and stopping rules, derived again.
#include <algorithm>

#include "src/scheduling/lineage.h"
#include "src/scheduling/repeat_policy.h"
#include "src/scheduling/replay_impl.h"
#include "src/scheduling/replay_text.h"
#include "src/scheduling/stop_policy.h"

namespace vizsla {
namespace {

std::string DescribeReplacement(int64_t loser, int64_t source) {
  return StrCat("trial ", loser, " gives way to one that goes on from trial ", source);
}

}  // namespace

absl::Status DecisionReplay::Impl::Replay(const RepeatsEvent& event) {
  VIZSLA_ASSIGN_OR_RETURN(const Trial first, rows_.FindTrial(rows_.study().id, event.first));
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, Trials());
  for (Trial& run :
       MissingRepeats(rows_.study().spec, first, trials, trials.back().number + 1, row_->at)) {
    ++result_.counts.repeats;
    expected_.created.push_back(std::move(run));
  }
  return absl::OkStatus();
}

absl::Status DecisionReplay::Impl::Replay(const HopelessEvent& event) {
  expected_.tells_hopeless = true;
  expected_.hopeless.insert(event.numbers.begin(), event.numbers.end());
  VIZSLA_ASSIGN_OR_RETURN(const Trial ended, rows_.FindTrial(rows_.study().id, event.ended));
  std::vector<int64_t> derived;
  if (ended.state == TrialState::kInfeasible && HasRepeats(rows_.study().spec)) {
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> runs,
                            rows_.ListRuns(rows_.study().id, GroupNumber(ended)));
    for (const Trial& run : HopelessRuns(runs, ended, row_->at)) derived.push_back(run.number);
  }
  Compare(StrCat("the queued runs that end with trial ", event.ended),
          DescribeNumbers(event.numbers), DescribeNumbers(derived), DescribeTrials(rows_));
  return absl::OkStatus();
}

void DecisionReplay::Impl::CheckHopeless(const Trial& run) {
  if (expected_.hopeless.erase(run.number) > 0) return;
  // The first of them ended while it ran.
  const auto ended_while_it_ran = [&](const auto& entry) {
    const Trial& other = entry.second;
    return other.number != run.number && GroupNumber(other) == GroupNumber(run) &&
           other.state == TrialState::kInfeasible;
  };
  const auto& trials = rows_.trials();
  const bool older = !expected_.tells_hopeless && run.epoch == 0 &&
                     std::any_of(trials.begin(), trials.end(), ended_while_it_ran);
  if (older) return;
  Differ(StrCat("the change of trial ", run.number), "infeasible while it was queued",
         "nothing that ends it", DescribeTrials(rows_));
}

absl::Status DecisionReplay::Impl::Replay(const FinalRunsEvent&) {
  expected_.paused_end = true;
  VIZSLA_ASSIGN_OR_RETURN(const bool goes_on, scheduler_.HasWork(rows_, rows_.study()));
  Compare("the end of the search", "it is over", goes_on ? "it goes on" : "it is over",
          DescribeTrials(rows_));
  VIZSLA_ASSIGN_OR_RETURN(std::vector<Trial> trials, Trials());
  if (trials.empty()) return absl::OkStatus();
  for (Trial& trial : trials) {
    if (trial.state == TrialState::kPaused) trial.state = TrialState::kPruned;
  }
  for (Trial& run :
       MissingFinalRuns(rows_.study().spec, trials, trials.back().number + 1, row_->at)) {
    ++result_.counts.repeats;
    expected_.created.push_back(std::move(run));
  }
  return absl::OkStatus();
}

absl::Status DecisionReplay::Impl::Replay(const ReplaceEvent& event) {
  if (event.stage < 1 || event.stage > StageCount(rows_.study().spec)) {
    return absl::DataLossError(StrCat("there is no stage ", event.stage));
  }
  VIZSLA_ASSIGN_OR_RETURN(Pruner* const pruner,
                          scheduler_.PrunerOf(rows_, rows_.study(), event.stage));
  std::optional<Exploit> derived;
  if (const auto next = pruner != nullptr ? pruner->NextToReplace() : std::nullopt) {
    VIZSLA_ASSIGN_OR_RETURN(derived, ChooseExploit(rows_, rows_.study(), *next, row_->at));
  }
  const std::string nobody = "nobody gives way";
  Compare("who gives way in the population",
          event.loser != 0 ? DescribeReplacement(event.loser, event.source) : nobody,
          derived ? DescribeReplacement(derived->loser.number, derived->source.number) : nobody,
          DescribeTrials(rows_));
  if (event.loser == 0) return absl::OkStatus();
  ++result_.counts.replacements;
  const Trial* const loser = rows_.Find(event.loser);
  if (loser != nullptr && loser->state == TrialState::kPaused) expected_.lost.insert(event.loser);
  if (derived) expected_.created.push_back(std::move(derived->successor));
  return absl::OkStatus();
}

absl::Status DecisionReplay::Impl::Replay(const CountEvent& event) {
  const StudySpec& spec = rows_.study().spec;
  StopProgress derived = rows_.progress();
  std::string what = "all trials";
  if (event.why == CountEvent::Why::kOtherRules) {
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, Trials());
    derived = CountAnew(spec, trials, rows_.CountReports());
  } else {
    VIZSLA_ASSIGN_OR_RETURN(const Trial trial, rows_.FindTrial(rows_.study().id, event.number));
    if (event.why == CountEvent::Why::kReport) {
      if (reported_trial_ != event.number) {
        return absl::DataLossError(
            StrCat("a report of trial ", event.number, " is counted that is not there"));
      }
      what = StrCat("a report of trial ", event.number);
      derived = AfterReport(spec, derived, trial, reported_.new_epoch, rows_.HasDiverged(trial));
    } else {
      what = StrCat("the end of trial ", event.number);
      derived = AfterEnd(spec, derived, trial);
    }
  }
  Compare(StrCat("what stopping rules count after ", what), DescribeProgress(event.progress),
          DescribeProgress(derived), DescribeTrials(rows_));
  rows_.set_progress(event.progress);
  return absl::OkStatus();
}

absl::Status DecisionReplay::Impl::Replay(const StopEvent& event) {
  ++result_.counts.rules;
  StopProgress progress = rows_.progress();
  Compare("what the stopping rules say", DescribeStop(event.decision),
          DescribeStop(DecideStop(rows_.study().spec, progress)), DescribeProgress(progress));
  switch (event.decision.kind) {
    case StopDecision::Kind::kGoOn:
      return absl::OkStatus();
    case StopDecision::Kind::kEndStage: {
      ++result_.counts.ends;
      progress.stages_over = progress.stage;
      rows_.set_progress(progress);
      VIZSLA_ASSIGN_OR_RETURN(Pruner* const pruner,
                              scheduler_.PrunerOf(rows_, rows_.study(), progress.stage));
      if (pruner == nullptr) return absl::OkStatus();
      return scheduler_.TellLastTrial(rows_, rows_.study(), progress.stage, *pruner);
    }
    case StopDecision::Kind::kEndStudy:
      ++result_.counts.ends;
      expected_.paused_end = true;
      expected_.study_ends = true;
      ExpectEarlyEnds(progress.target_trial);
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

void DecisionReplay::Impl::ExpectEarlyEnds(int64_t winner) {
  for (const auto& [number, trial] : rows_.trials()) {
    if (trial.state != TrialState::kRunning) continue;
    switch (EarlyOutcome(rows_.study().spec, trial, rows_.HasDiverged(trial), winner)) {
      case AttemptOutcome::kDiverged:
        expected_.early[number] = TrialState::kDiverged;
        break;
      case AttemptOutcome::kCompleted:
        expected_.early[number] = TrialState::kCompleted;
        break;
      default:
        expected_.early[number] = TrialState::kQueued;
    }
  }
}

}  // namespace vizsla
