// The costs of a network (objective.h) as metrics of an epoch.
#pragma once

#include <torch/torch.h>

#include "src/catalog/training_plan.h"
#include "src/nn/model.h"
#include "src/study/objective.h"

namespace vizsla {

// The median over repeated passes of one photo through the whole network on this device, after some
// that do not count; with plan.test_time_flip of the photo and its mirror image. Milliseconds, at
// least a microsecond. Other work on the device makes it longer: compare trials that ran alike.
// Blocks some ten passes, at most about a second once the first pass is done. Leaves the model in
// inference mode. Throws as LibTorch does.
double MeasureLatencyMs(Model& model, const TrainingPlan& plan, torch::Device device);

// Those that the study's objectives name; nothing for a study without them.
class CostMetrics {
 public:
  CostMetrics(const Objective& objective, const TrainingPlan& plan, int class_count);

  // The latency is measured at the first call: one figure for all epochs of an attempt.
  void AddTo(Metrics& metrics, Model& model, torch::Device device);

 private:
  const TrainingPlan plan_;
  bool needs_latency_ = false;
  Metrics costs_;
};

}  // namespace vizsla
