#include "src/train/trial_bundle.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "src/train/head_step.h"

namespace vizsla {

bool TrialBundle::Admits(const TrainingPlan& plan, const Objective& objective,
                         const std::string& device, bool has_feature_cache) {
  const bool measures_time =
      std::any_of(objective.further.begin(), objective.further.end(),
                  [](const auto& further) { return further.metric == kLatencyMetric; });
  return has_feature_cache && !measures_time &&
         HeadStep::Fits(plan, torch::Device(device), /*ranks=*/1);
}

TrialBundle::SetUpTurn::SetUpTurn(TrialBundle& bundle) : lock_(bundle.turn_) {
  at::set_num_threads(bundle.threads_);
}

TrialBundle::SetUpTurn::~SetUpTurn() { at::set_num_threads(1); }

}  // namespace vizsla
