// Costs of networks as objectives: in the trainer's reports, and against the real tensors.
#include "src/train/cost_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/train/trainer.h"
#include "tests/train/trainer_fixture.h"

namespace vizsla {
namespace {

using CostMetricsTest = TrainerTest;

Objective AllCosts() {
  Objective objective;
  for (const char* metric :
       {kParametersMetric, kMultiplyAddsMetric, kModelBytesMetric, kLatencyMetric}) {
    objective.further.push_back({metric, Direction::kMinimize});
  }
  return objective;
}

TEST_F(CostMetricsTest, AreReportedWithEveryEpoch) {
  TrialAssignment assignment = Assignment(ScratchPlan());
  assignment.objective = AllCosts();
  RecordingHooks hooks;
  EXPECT_EQ(Run(assignment, hooks).outcome, AttemptOutcome::kCompleted);
  ASSERT_EQ(hooks.reports.size(), 2u);
  for (const FurtherObjective& further : assignment.objective.further) {
    ASSERT_TRUE(hooks.reports[0].metrics.contains(further.metric)) << further.metric;
    EXPECT_GT(hooks.reports[0].metrics.at(further.metric), 0) << further.metric;
    // The latency too: measured once an attempt.
    EXPECT_EQ(hooks.reports[0].metrics.at(further.metric),
              hooks.reports[1].metrics.at(further.metric));
  }
}

TEST_F(CostMetricsTest, ChangeNothingElse) {
  RecordingHooks plain;
  Run(Assignment(ScratchPlan()), plain);
  TrialAssignment assignment = Assignment(ScratchPlan());
  assignment.objective = AllCosts();
  RecordingHooks costed;
  Run(assignment, costed);
  ASSERT_EQ(plain.reports.size(), costed.reports.size());
  for (size_t i = 0; i < plain.reports.size(); ++i) {
    for (const auto& [name, value] : plain.reports[i].metrics) {
      EXPECT_EQ(costed.reports[i].metrics.at(name), value) << name;
      EXPECT_FALSE(IsCostMetric(name));
    }
  }
}

// What the catalog says before training is what LibTorch holds.
TEST_F(CostMetricsTest, AreThoseOfTheRealTensors) {
  for (const TrainingPlan& plan : {ScratchPlan(), FlippedPlan()}) {
    const auto model = *BuildModel(plan, Padding::kSymmetric, kClasses, StreamKey(1));
    int64_t bytes = 0;
    for (const auto& [name, tensor] : model->StateDict()) {
      bytes += tensor.numel() * tensor.element_size();
    }
    int64_t parameters = 0;
    for (const torch::Tensor& tensor : model->parameters()) parameters += tensor.numel();
    Metrics metrics;
    CostMetrics(AllCosts(), plan, kClasses).AddTo(metrics, *model, torch::kCPU);
    EXPECT_EQ(metrics.at(kParametersMetric), static_cast<double>(parameters)) << plan.network;
    EXPECT_EQ(metrics.at(kModelBytesMetric), static_cast<double>(bytes)) << plan.network;
  }
}

// A photo of sixty-four times the pixels takes longer.
TEST_F(CostMetricsTest, LatencyFollowsTheWork) {
  TrainingPlan small = ScratchPlan();
  small.pooling = Pooling::kAverage;  // takes any size
  small.image_size = 32;
  TrainingPlan large = small;
  large.image_size = 256;
  const auto model = *BuildModel(small, Padding::kSymmetric, kClasses, StreamKey(1));
  EXPECT_LT(MeasureLatencyMs(*model, small, torch::kCPU),
            MeasureLatencyMs(*model, large, torch::kCPU));
}

}  // namespace
}  // namespace vizsla
