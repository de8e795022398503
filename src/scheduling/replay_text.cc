#include "src/scheduling/replay_text.h"

#include <map>

#include "absl/strings/str_format.h"

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

std::string DescribeTrial(int64_t number, int stage, const Configuration& configuration,
                          const WarmStart& start) {
  std::string text = StrCat("trial ", number, " of stage ", stage, ": ", ToJsonText(configuration));
  if (start.trial != 0) text += StrCat(", from trial ", start.trial);
  if (!start.checkpoint.empty()) text += StrCat(" with checkpoint ", start.checkpoint);
  return text;
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
