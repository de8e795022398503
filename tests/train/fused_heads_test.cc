// Trials of a bundle, training at once with fused steps, against the same trials one by one.
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "src/nn/tensors.h"
#include "src/train/trial_bundle.h"
#include "src/weights/safetensors.h"
#include "tests/train/trainer_fixture.h"

namespace vizsla {
namespace {

constexpr double kTolerance = 2e-4;
// Adam's first steps have the size of the learning rate, whatever the gradient's, and the batch
// norm after a dense layer takes out what its bias adds where ReLU lets all rows through: what is
// left of the bias' gradient is rounding. The trials learn slowly, so that it does not show in the
// metrics; head_step_test.cc compares gradients closely.
constexpr double kSlowLearningRate = 1e-4;
bool IsRoundingToAdam(const std::string& name) {
  return name.starts_with("head.dense") && name.ends_with(".bias");
}

TrainingPlan SlowPlan() {
  TrainingPlan plan = SmallPlan();
  SetLearningRate(plan, kSlowLearningRate);
  return plan;
}

// Heads of different shapes, rates, optimizers and lengths.
std::vector<TrialAssignment> Trials(const TrialAssignment& first) {
  std::vector<TrialAssignment> trials(7, first);
  for (size_t i = 0; i < trials.size(); ++i) {
    trials[i].trial_number = static_cast<int64_t>(i) + 1;
    SetLearningRate(trials[i].plan, kSlowLearningRate * (1 + 0.2 * static_cast<double>(i)));
  }
  trials[1].plan.dense = {24, 16};
  trials[1].plan.dropout_hidden = 0.4;
  trials[2].plan.dense = {};
  trials[2].plan.norm_place = NormPlace::kInput;
  trials[2].plan.optimizer.kind = OptimizerPlan::Kind::kSgd;
  trials[2].plan.optimizer.momentum = 0.9;
  trials[3].plan.batch_size = 32;
  trials[3].plan.ema_decay = 0.9;
  trials[3].plan.label_smoothing = 0.1;
  trials[4].plan.clip_norm = 0.5;
  trials[4].plan.l2 = 1e-3;
  trials[4].plan.schedule.kind = SchedulePlan::Kind::kCosine;
  trials[5].plan.epochs = 2;
  trials[5].plan.augmentation.horizontal_flip = true;
  trials[6].plan.augmentation.rotation_degrees = 15;
  trials[6].plan.views = 2;
  return trials;
}

class FusedHeads : public TrainerTest {
 protected:
  // All at once, each on its thread.
  std::vector<TrialResult> RunAtOnce(const std::vector<TrialAssignment>& trials,
                                     std::vector<RecordingHooks>& hooks) const {
    TrialBundle bundle(2);
    std::vector<TrialResult> results(trials.size());
    std::vector<std::thread> threads;
    for (size_t i = 0; i < trials.size(); ++i) {
      threads.emplace_back([&, i] {
        TrainerOptions options = Cached();
        options.bundle = &bundle;
        results[i] = Run(trials[i], hooks[i], options);
      });
    }
    for (std::thread& thread : threads) thread.join();
    return results;
  }

  // The same epochs with the same metrics, and the same weights in the best checkpoint.
  static void ExpectSame(const RecordingHooks& fused, const RecordingHooks& alone,
                         const std::string& what) {
    ASSERT_EQ(fused.reports.size(), alone.reports.size()) << what;
    for (size_t i = 0; i < alone.reports.size(); ++i) {
      for (const auto& [name, value] : alone.reports[i].metrics) {
        EXPECT_NEAR(fused.reports[i].metrics.at(name), value, kTolerance * (1 + value))
            << what << " epoch " << i + 1 << " " << name;
      }
    }
    ASSERT_FALSE(alone.reports.front().checkpoint_hash.empty());
    const auto weights = [](const RecordingHooks& hooks) {
      return ParseSafetensors(hooks.stored.at(hooks.reports.front().checkpoint_hash));
    };
    const auto mine = weights(fused), theirs = weights(alone);
    ASSERT_TRUE(mine.ok() && theirs.ok()) << what;
    for (const auto& [name, view] : theirs->tensors) {
      if (IsRoundingToAdam(name)) continue;
      const torch::Tensor a = ToTensor(mine->tensors.at(name)).to(torch::kFloat64);
      const torch::Tensor b = ToTensor(view).to(torch::kFloat64);
      EXPECT_LT((a - b).abs().max().item<double>(),
                2e-3 * std::max(1e-2, b.abs().max().item<double>()))
          << what << " " << name;
    }
  }
};

TEST_F(FusedHeads, AreTheTrialsOneByOne) {
  const std::vector<TrialAssignment> trials = Trials(Assignment(SlowPlan()));
  std::vector<RecordingHooks> fused(trials.size());
  const std::vector<TrialResult> results = RunAtOnce(trials, fused);
  for (size_t i = 0; i < trials.size(); ++i) {
    EXPECT_EQ(results[i].outcome, AttemptOutcome::kCompleted) << results[i].reason;
    RecordingHooks alone;
    Run(trials[i], alone, Cached());
    ExpectSame(fused[i], alone, StrCat("trial ", i + 1));
  }
}

TEST_F(FusedHeads, StopEarlyEachForItself) {
  std::vector<TrialAssignment> trials(3, Assignment(SmallPlan()));
  for (size_t i = 0; i < trials.size(); ++i) {
    trials[i].trial_number = static_cast<int64_t>(i) + 1;
    trials[i].plan.epochs = 8;
    trials[i].early_stopping.metric = "val_loss";
  }
  // A rate that spoils the second one's validation loss at once.
  SetLearningRate(trials[1].plan, 3.0);
  trials[1].early_stopping.patience = 2;
  std::vector<RecordingHooks> fused(trials.size());
  const std::vector<TrialResult> results = RunAtOnce(trials, fused);
  RecordingHooks alone;
  const TrialResult expected = Run(trials[1], alone, Cached());
  EXPECT_EQ(results[1].outcome, expected.outcome);
  EXPECT_EQ(fused[1].reports.size(), alone.reports.size());
  EXPECT_LT(fused[1].reports.size(), 8u);
  EXPECT_EQ(fused[0].reports.size(), 8u);
  EXPECT_EQ(fused[2].reports.size(), 8u);
}

// In the middle of its second epoch one trial pauses; the others go on. It resumes in another
// bundle, and alone, and ends as if nothing had happened.
TEST_F(FusedHeads, PauseAndResumeInMidEpoch) {
  std::vector<TrialAssignment> trials(3, Assignment(SlowPlan()));
  for (size_t i = 0; i < trials.size(); ++i) trials[i].trial_number = static_cast<int64_t>(i) + 1;
  std::vector<RecordingHooks> fused(trials.size());
  fused[1].on_progress = [](int epoch, int64_t done) {
    return epoch == 2 && done == 3 ? Directive::kPause : Directive::kContinue;
  };
  const std::vector<TrialResult> results = RunAtOnce(trials, fused);
  EXPECT_EQ(results[0].outcome, AttemptOutcome::kCompleted);
  EXPECT_EQ(results[2].outcome, AttemptOutcome::kCompleted);
  ASSERT_EQ(results[1].outcome, AttemptOutcome::kPaused);
  ASSERT_FALSE(results[1].last_checkpoint.empty());
  RecordingHooks undisturbed;
  Run(trials[1], undisturbed, Cached());

  TrialAssignment resumed = trials[1];
  resumed.attempt = AttemptNumber(2);
  resumed.history = fused[1].reports;
  resumed.resume_checkpoint = fused[1].stored.at(results[1].last_checkpoint);
  std::vector<RecordingHooks> rest(1);
  EXPECT_EQ(RunAtOnce({resumed}, rest)[0].outcome, AttemptOutcome::kCompleted);
  RecordingHooks rest_alone;
  Run(resumed, rest_alone, Cached());
  for (const RecordingHooks* hooks : {&rest[0], &rest_alone}) {
    ASSERT_EQ(hooks->reports.size(), 2u);
    for (size_t i = 0; i < 2; ++i) {
      for (const auto& [name, value] : undisturbed.reports[i + 1].metrics) {
        EXPECT_NEAR(hooks->reports[i].metrics.at(name), value, kTolerance * (1 + value)) << name;
      }
    }
  }
}

TEST_F(FusedHeads, OnesErrorLeavesTheOthersAlone) {
  std::vector<TrialAssignment> trials(3, Assignment(SmallPlan()));
  for (size_t i = 0; i < trials.size(); ++i) trials[i].trial_number = static_cast<int64_t>(i) + 1;
  trials[0].resume_checkpoint = "not a checkpoint";  // fails while it is set up
  std::vector<RecordingHooks> fused(trials.size());
  fused[1].on_report = [](const EpochReport&) { return Directive::kPrune; };
  const std::vector<TrialResult> results = RunAtOnce(trials, fused);
  EXPECT_EQ(results[0].outcome, AttemptOutcome::kFailed);
  EXPECT_EQ(results[1].outcome, AttemptOutcome::kPruned);
  EXPECT_EQ(results[2].outcome, AttemptOutcome::kCompleted);
}

TEST(TrialBundle, AdmitsHeadsOnCachedFeatures) {
  Objective objective;
  const SyntheticSource photos(100, 3, 32, 1);
  TrainingData data;
  data.train = data.validation = &photos;
  TrainerOptions options;
  const auto admits = [&](const TrainingPlan& plan) {
    return TrialBundle::Admits(plan, objective, data, options);
  };
  EXPECT_FALSE(admits(SmallPlan())) << "no cache";
  options.feature_cache_folder = "features";
  EXPECT_TRUE(admits(SmallPlan()));
  EXPECT_FALSE(admits(ScratchPlan()));
  options.largest_feature_cache = 1000;
  EXPECT_FALSE(admits(SmallPlan())) << "its rows are too large to be kept";
  options.largest_feature_cache = kLargestFeatureCache;
  TrainingPlan lower = SmallPlan();
  lower.precision = Precision::kBfloat16;
  EXPECT_FALSE(admits(lower)) << "steps by hand are float32";
  options.device = "cuda:0";
  EXPECT_TRUE(admits(SmallPlan()));
  EXPECT_TRUE(admits(lower));
  EXPECT_FALSE(admits(ScratchPlan()));
  lower.precision = Precision::kTf32;
  EXPECT_FALSE(admits(lower)) << "a whole process allows it, or nobody";
  options.device = "cpu";
  objective.further.push_back({.metric = kParametersMetric});
  EXPECT_TRUE(admits(SmallPlan()));
  // Others would be in the measured time.
  objective.further.push_back({.metric = kLatencyMetric});
  EXPECT_FALSE(admits(SmallPlan()));
}

}  // namespace
}  // namespace vizsla
