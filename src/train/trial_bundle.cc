#include "src/train/trial_bundle.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "src/train/feature_phase.h"
#include "src/train/head_step.h"

namespace vizsla {
namespace {

bool TrainsHeadOnRows(const TrainingPlan& plan, const torch::Device& device) {
  if (device.is_cpu()) return HeadStep::Fits(plan, device, /*ranks=*/1);
  // TF32 is allowed in the whole process or not at all.
  return HeadStep::IsHeadOnSharedRows(plan) && plan.precision != Precision::kTf32;
}

}  // namespace

bool TrialBundle::Admits(const TrainingPlan& plan, const Objective& objective,
                         const TrainingData& data, const TrainerOptions& options) {
  const bool measures_time =
      std::any_of(objective.further.begin(), objective.further.end(),
                  [](const auto& further) { return further.metric == kLatencyMetric; });
  return options.use_feature_cache && !options.feature_cache_folder.empty() && !measures_time &&
         TrainsHeadOnRows(plan, torch::Device(options.device)) && RowsFit(plan, data, options);
}

TrialBundle::SetUpTurn::SetUpTurn(TrialBundle& bundle) : lock_(bundle.turn_) {
  at::set_num_threads(bundle.threads_);
}

TrialBundle::SetUpTurn::~SetUpTurn() { at::set_num_threads(1); }

}  // namespace vizsla
