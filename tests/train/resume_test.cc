// Continuing from a `last` checkpoint gives, bit for bit, the rest of the undisturbed run, whatever
// is trained and however.
#include <gtest/gtest.h>

#include <functional>

#include "src/train/learning_rate.h"
#include "tests/train/trainer_fixture.h"

namespace vizsla {
namespace {

using Optimizers = OptimizerPlan::Kind;
using Schedules = SchedulePlan::Kind;

struct Technique {
  const char* name;
  std::function<TrainingPlan()> plan;
};
void PrintTo(const Technique& technique, std::ostream* out) { *out << technique.name; }

TrainingPlan Unfrozen(const std::string& unfreeze) {
  TrainingPlan plan = FlippedPlan();
  plan.unfreeze = unfreeze;
  return plan;
}

TrainingPlan AveragedSgd() {
  TrainingPlan plan = FlippedPlan();
  plan.optimizer = {.kind = Optimizers::kSgd,
                    .learning_rate = 0.5,  // overshoots, so that the loss stops falling
                    .momentum = 0.9,
                    .weight_decay = 1e-3};
  plan.schedule = {.kind = Schedules::kPlateau, .factor = 0.5, .patience = 1};
  plan.ema_decay = 0.9;
  plan.test_time_flip = true;
  return plan;
}

TrainingPlan MixedRmsprop() {
  TrainingPlan plan = FlippedPlan();
  plan.optimizer = {.kind = Optimizers::kRmsprop, .learning_rate = 1e-3, .momentum = 0.5};
  plan.schedule = {.kind = Schedules::kCosine, .warmup_epochs = 1};
  plan.mixup = 0.4;
  plan.cutmix = 1;
  plan.class_weights = ClassWeights::kBalanced;
  plan.label_smoothing = 0.1;
  plan.l2 = 0.01;
  plan.clip_norm = 1;
  plan.norm_place = NormPlace::kEvery;
  return plan;
}

TrainingPlan DrawnViews() {
  TrainingPlan plan = SmallPlan();
  plan.augmentation = *FindAugmentationPolicy("v3");
  plan.views = 3;
  return plan;
}

TrainingPlan Pretrained() {
  TrainingPlan plan = ScratchPlan();
  plan.initial_weights = InitialWeights::kAutoencoder;
  plan.pretrain_epochs = 1;
  plan.optimizer.kind = Optimizers::kAdamW;
  plan.optimizer.weight_decay = 0.01;
  plan.ema_decay = 0.99;
  return plan;
}

class ResumeTest : public TrainerTest, public ::testing::WithParamInterface<Technique> {
 protected:
  static TrainingPlan Plan() {
    TrainingPlan plan = GetParam().plan();
    plan.epochs = 4;
    return plan;
  }

  static void ExpectSameFrom(int epoch, const RecordingHooks& whole,
                             const RecordingHooks& resumed) {
    ASSERT_EQ(resumed.reports.size(), whole.reports.size() - static_cast<size_t>(epoch) + 1);
    for (size_t i = 0; i < resumed.reports.size(); ++i) {
      const EpochReport& expected = whole.reports[i + static_cast<size_t>(epoch) - 1];
      EXPECT_EQ(resumed.reports[i].epoch, expected.epoch);
      EXPECT_EQ(resumed.reports[i].metrics, expected.metrics);
      EXPECT_EQ(resumed.reports[i].checkpoint_hash, expected.checkpoint_hash);
    }
  }
};

TEST_P(ResumeTest, FromTheEndOfAnEpoch) {
  TrialAssignment assignment = Assignment(Plan());
  assignment.checkpoint_interval = std::chrono::seconds(0);
  RecordingHooks whole, resumed;
  Run(assignment, whole, Cached());
  ASSERT_EQ(whole.reports.size(), 4u);
  for (size_t i = 0; i < 3; ++i) EXPECT_NE(whole.last_checkpoints[i], "");
  EXPECT_EQ(whole.last_checkpoints[3], "") << "nothing resumes a finished trial";
  if (Plan().schedule.kind == Schedules::kPlateau) {
    // Or the schedule would have nothing to remember.
    EXPECT_LT(LearningRateFactor(Plan().schedule, {.epoch = 4}, whole.reports), 1);
  }

  assignment.resume_checkpoint = whole.stored.at(whole.last_checkpoints[1]);
  // Also the reports of the epochs that are repeated.
  assignment.history = {whole.reports.begin(), whole.reports.begin() + 3};
  EXPECT_EQ(Run(assignment, resumed, Cached()).outcome, AttemptOutcome::kCompleted);
  ExpectSameFrom(3, whole, resumed);
}

TEST_P(ResumeTest, FromTheMiddleOfAnEpoch) {
  const TrialAssignment assignment = Assignment(Plan());
  RecordingHooks whole, preempted, resumed;
  Run(assignment, whole, Cached());

  preempted.on_progress = [](int epoch, int64_t done) {
    return epoch == 2 && done >= 3 ? Directive::kPreempt : Directive::kContinue;
  };
  const TrialResult result = Run(assignment, preempted, Cached());
  EXPECT_EQ(result.outcome, AttemptOutcome::kPreempted);
  EXPECT_EQ(result.reason, "preempted after epoch 1");
  EXPECT_EQ(result.last_checkpoint_epoch, 1);
  EXPECT_EQ(preempted.reports.size(), 1u);

  TrialAssignment rest = assignment;
  rest.resume_checkpoint = preempted.stored.at(result.last_checkpoint);
  rest.history = preempted.reports;
  EXPECT_EQ(Run(rest, resumed, Cached()).outcome, AttemptOutcome::kCompleted);
  ExpectSameFrom(2, whole, resumed);
}

INSTANTIATE_TEST_SUITE_P(
    Plans, ResumeTest,
    ::testing::Values(Technique{"none", [] { return Unfrozen("none"); }},
                      Technique{"block_16_expand", [] { return Unfrozen("block_16_expand"); }},
                      Technique{"all", [] { return Unfrozen("all"); }},
                      Technique{"averaged_sgd", AveragedSgd},
                      Technique{"mixed_rmsprop", MixedRmsprop},
                      Technique{"drawn_views", DrawnViews}, Technique{"autoencoder", Pretrained}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace vizsla
