#include "src/scheduling/replay_text.h"

#include <map>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace vizsla {

std::string ToText(PruneDecision decision) {
  switch (decision) {
    case PruneDecision::kContinue:
      return "continue";
    case PruneDecision::kPromote:
      return "promote";
    case PruneDecision::kPause:
      return "pause";
    case PruneDecision::kPrune:
      return "prune";
  }
  return "unknown";
}

std::string DescribeTrial(const Trial& trial) {
  const WarmStart& start = trial.warm_start;
  const Lineage& lineage = trial.lineage;
  std::string text = StrCat("trial ", trial.number, " of stage ", trial.stage, ": ",
                            ToJsonText(trial.configuration));
  if (start.trial != 0) text += StrCat(", from trial ", start.trial);
  if (!start.checkpoint.empty()) text += StrCat(" with checkpoint ", start.checkpoint);
  if (trial.repeat_of != 0) {
    text += StrCat(trial.final_run ? ", a final run of trial " : ", one more run of trial ",
                   trial.repeat_of);
  }
  if (lineage.parent != 0) {
    text += StrCat(", in the place of trial ", lineage.member, ", goes on from trial ",
                   lineage.parent, " at epoch ", lineage.parent_epoch);
    if (!IsFinished(trial.state)) text += StrCat(" with checkpoint ", lineage.checkpoint);
  }
  if (IsFinished(trial.state)) text += StrCat(", ", ToText(trial.state));
  return text;
}

std::string DescribeProgress(const StopProgress& progress) {
  std::string text = StrCat(progress.epochs, " epochs");
  if (progress.target_trial != 0) {
    text += StrCat(", target reached by trial ", progress.target_trial, " (", progress.target_score,
                   ")");
  }
  text += StrCat(", ", progress.ended, " trials of stage ", progress.stage, " ended");
  if (progress.best) text += StrCat(" without improving on ", *progress.best);
  if (progress.stages_over > 0) text += StrCat(", ", progress.stages_over, " stages over");
  return text;
}

std::string DescribeStop(const StopDecision& decision) {
  switch (decision.kind) {
    case StopDecision::Kind::kGoOn:
      return "go on";
    case StopDecision::Kind::kEndStage:
      return StrCat("end the stage: ", decision.reason);
    case StopDecision::Kind::kEndStudy:
      return StrCat("end the study: ", decision.reason);
  }
  return "unknown";
}

std::string DescribeNumbers(const std::vector<int64_t>& numbers) {
  if (numbers.empty()) return "no trial";
  return StrCat(numbers.size() == 1 ? "trial " : "trials ", absl::StrJoin(numbers, ", "));
}

std::string DescribeTrials(const ReplayRows& rows) {
  std::map<TrialState, int64_t> counts;
  for (const auto& [number, trial] : rows.trials()) ++counts[trial.state];
  std::string states;
  for (const auto& [state, count] : counts) {
    states += StrCat(states.empty() ? "" : ", ", ToText(state), " ", count);
  }
  const size_t trials = rows.trials().size();
  return StrCat(trials, trials == 1 ? " trial" : " trials",
                states.empty() ? "" : StrCat(" (", states, ")"));
}

std::string DescribeReports(ReplayRows& rows, int64_t number) {
  const Trial* const trial = rows.Find(number);
  if (trial == nullptr) return StrCat("no trial ", number);
  std::string text = StrCat("trial ", number, ", ", ToText(trial->state), ", rung ", trial->rung);
  const auto reports = rows.ListReports(trial->id);
  const std::string& metric = rows.study().spec.objective.metric;
  if (!reports.ok() || reports->empty()) return text;
  text += StrCat(", ", metric);
  for (const EpochReport& report : *reports) {
    const auto value = report.metrics.find(metric);
    if (value != report.metrics.end()) absl::StrAppendFormat(&text, " %.17g", value->second);
  }
  text += StrCat(" (epochs ", reports->front().epoch, " to ", reports->back().epoch,
                 "; the run is at ", trial->epoch, ")");
  return text;
}

}  // namespace vizsla
