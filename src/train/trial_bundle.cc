#include "src/train/trial_bundle.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "src/train/feature_phase.h"
#include "src/train/head_step.h"

namespace vizsla {

bool TrialBundle::Admits(const TrainingPlan& plan, const Objective& objective,
                         const TrainingData& data, const TrainerOptions& options) {
  const bool measures_time =
      std::any_of(objective.further.begin(), objective.further.end(),
                  [](const auto& further) { return further.metric == kLatencyMetric; });
  return options.use_feature_cache && !options.feature_cache_folder.empty() && !measures_time &&
         HeadStep::Fits(plan, torch::Device(options.device), /*ranks=*/1) &&
         RowsFit(plan, data, options);
}

TrialBundle::SetUpTurn::SetUpTurn(TrialBundle& bundle) : lock_(bundle.turn_) {
  at::set_num_threads(bundle.threads_);
}

TrialBundle::SetUpTurn::~SetUpTurn() { at::set_num_threads(1); }

}  // namespace vizsla
