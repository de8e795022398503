// What samplers, pruners and stages decided, derived again.
#include "src/scheduling/budget_policy.h"
#include "src/scheduling/replay_impl.h"
#include "src/scheduling/replay_text.h"
#include "src/scheduling/stage_policy.h"

namespace vizsla {

absl::Status DecisionReplay::Impl::Replay(const NextEvent& event) {
  VIZSLA_ASSIGN_OR_RETURN(const SchedulerImpl::Next next,
                          scheduler_.FindNext(rows_, rows_.study()));
  const auto resumes = [](int64_t number) { return StrCat("trial ", number, " goes on"); };
  draw_ = event.resumed == 0;
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

absl::Status DecisionReplay::Impl::Replay(const PruneEvent& event) {
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

absl::Status DecisionReplay::Impl::Replay(const LosersEvent& event) {
  result_.counts.prunings += std::ssize(event.numbers);
  expected_.lost.insert(event.numbers.begin(), event.numbers.end());
  VIZSLA_ASSIGN_OR_RETURN(Pruner* const pruner,
                          scheduler_.PrunerOf(rows_, rows_.study(), event.stage));
  Compare(StrCat("the paused trials of stage ", event.stage, " that never go on"),
          DescribeNumbers(event.numbers),
          pruner != nullptr ? DescribeNumbers(pruner->ToPrune()) : "there is no pruner",
          DescribeTrials(rows_));
  return absl::OkStatus();
}

absl::Status DecisionReplay::Impl::Replay(const SourcesEvent& event) {
  result_.counts.sources += event.count;
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, Trials());
  VIZSLA_ASSIGN_OR_RETURN(const auto draw,
                          scheduler_.DrawInStage(rows_, rows_.study(), CurrentStage(trials)));
  const std::vector<Trial> decided =
      DecideWaiting(rows_.study(), trials, /*sampled_out=*/!draw.has_value(), row_->at);
  expected_.sourced.assign(decided.begin(), decided.end());
  Compare("how many waiting trials have their source", StrCat(event.count), StrCat(decided.size()),
          DescribeTrials(rows_));
  return absl::OkStatus();
}

absl::Status DecisionReplay::Impl::Replay(const StalledEvent& event) {
  result_.counts.prunings += std::ssize(event.numbers);
  expected_.lost.insert(event.numbers.begin(), event.numbers.end());
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, Trials());
  const int stage = CurrentStage(trials);
  VIZSLA_ASSIGN_OR_RETURN(const auto draw, scheduler_.DrawInStage(rows_, rows_.study(), stage));
  VIZSLA_ASSIGN_OR_RETURN(const auto resume, scheduler_.NextToResume(rows_, rows_.study(), stage));
  std::vector<int64_t> derived;
  if (!draw && !resume) {
    for (const Trial& trial : PausedSources(trials)) derived.push_back(trial.number);
  }
  Compare("the paused trials that others wait for", DescribeNumbers(event.numbers),
          DescribeNumbers(derived), DescribeTrials(rows_));
  return absl::OkStatus();
}

absl::Status DecisionReplay::Impl::Replay(const StageEvent& event) {
  ++result_.counts.ends;
  expected_.paused_end = true;
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, Trials());
  const int current = CurrentStage(trials);
  VIZSLA_ASSIGN_OR_RETURN(const auto draw, scheduler_.DrawInStage(rows_, rows_.study(), current));
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

absl::Status DecisionReplay::Impl::Replay(const FinishEvent& event) {
  ++result_.counts.ends;
  expected_.paused_end = true;
  expected_.study_ends = true;
  bool ends = false;
  if (event.why == FinishEvent::Why::kWallTime) {
    ends = WallTimeOver(rows_.study().spec, Milliseconds(event.active_ms));
    ExpectEarlyEnds(/*winner=*/0);
  } else {
    VIZSLA_ASSIGN_OR_RETURN(const bool has_work, scheduler_.HasWork(rows_, rows_.study()));
    ends = !has_work;
  }
  Compare("the end of the study", "it ends", ends ? "it ends" : "it goes on",
          DescribeTrials(rows_));
  return absl::OkStatus();
}

}  // namespace vizsla
