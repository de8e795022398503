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
  entry.runs.insert_or_assign(trial.number, trial);
  std::vector<const Trial*> runs;
  for (const auto& [ignored, run] : entry.runs) runs.push_back(&run);
  Trial one = AsOneTrial(runs);
  one.number = entry.number;
  return one;
}

}  // namespace vizsla
