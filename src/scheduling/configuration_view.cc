#include "src/scheduling/configuration_view.h"

#include <algorithm>
#include <vector>

#include "src/study/trial_groups.h"

namespace vizsla {

std::optional<Trial> ConfigurationView::Add(const Trial& trial) {
  if (trial.final_run) return std::nullopt;
  if (!repeated_) {  // numbers have no gaps then: final runs are the last ones
    last_number_ = std::max(last_number_, trial.number);
    return trial;
  }
  const auto [place, added] = configurations_.try_emplace(GroupNumber(trial));
  Entry& entry = place->second;
  if (added) entry.number = ++last_number_;
  entry.runs.insert_or_assign(trial.number, Run{trial.state, trial.score, trial.epoch});
  std::vector<Trial> trials;
  for (const auto& [number, run] : entry.runs) {
    Trial& one = trials.emplace_back();
    one.number = number;
    one.state = run.state;
    one.score = run.score;
    one.epoch = run.epoch;
  }
  std::vector<const Trial*> runs;
  for (const Trial& run : trials) runs.push_back(&run);
  const Trial summary = AsOneTrial(runs);
  Trial one = trial;  // all runs are of one configuration
  one.number = entry.number;
  one.repeat_of = 0;
  one.state = summary.state;
  one.score = summary.score;
  one.epoch = summary.epoch;
  return one;
}

}  // namespace vizsla
