// What a checkpoint may resume under.
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>

#include "src/train/plan_fingerprint.h"

namespace vizsla {
namespace {

TrainingPlan FirstVersionPlan() {
  TrainingPlan plan;
  plan.image_size = 96;
  plan.preprocessing = *FindPreprocessing("tf");
  plan.augmentation = *FindAugmentationPolicy("v2");
  plan.pooling = Pooling::kMax;
  plan.dense = {256, 64};
  plan.dropout_hidden = 0.3;
  plan.batch_norm = false;
  plan.dropout = 0.25;
  plan.unfreeze = "block_16_expand";
  plan.optimizer.learning_rate = plan.optimizer.backbone_learning_rate = 5e-3;
  plan.batch_size = 48;
  plan.sync_batch_norm = false;
  plan.epochs = 7;
  return plan;
}

// Computed by the first version of this function (commit 7606f04): its checkpoints resume.
TEST(PlanFingerprintTest, IsWhatItWasBeforeThereWereMoreFields) {
  EXPECT_EQ(PlanFingerprint(TrainingPlan{}),
            "28f907a67a4fc54e0ef3e1af467698a4f6fe896e52dff591ccdee0c8be3e096d");
  EXPECT_EQ(PlanFingerprint(FirstVersionPlan()),
            "9dbc3a6720508721edf28a2bd7f5081611b13873116d6e6b30fdc65523c69e6b");
  TrainingPlan scratch;
  scratch.network = "scratch_v2";
  scratch.initial_weights = InitialWeights::kRandom;
  scratch.scratch = DefaultScratchOptions("scratch_v2");
  scratch.preprocessing = *FindPreprocessing("unit");
  scratch.pooling = Pooling::kFlatten;
  scratch.dense = {128, 128};
  scratch.dropout_hidden = 0.5;
  scratch.unfreeze = "all";
  EXPECT_EQ(PlanFingerprint(scratch),
            "6ea8b1238d42128998f348676bd73f9a2ac8680854c8164857759135a0cadb67");
}

TEST(PlanFingerprintTest, EveryFieldThatChangesTheTrainingChangesIt) {
  using Change = std::function<void(TrainingPlan&)>;
  const Change changes[] = {
      [](TrainingPlan& p) { p.network = "resnet50"; },
      [](TrainingPlan& p) { p.initial_weights = InitialWeights::kRandom; },
      [](TrainingPlan& p) { p.initial_weights = InitialWeights::kAutoencoder; },
      [](TrainingPlan& p) {
        p.initial_weights = InitialWeights::kAutoencoder;
        p.pretrain_epochs = 9;
      },
      [](TrainingPlan& p) { p.image_size = 64; },
      [](TrainingPlan& p) { p.preprocessing = *FindPreprocessing("caffe"); },
      [](TrainingPlan& p) { p.augmentation.rotation_degrees = 1; },
      [](TrainingPlan& p) { p.augmentation.width_shift = 0.01; },
      [](TrainingPlan& p) { p.augmentation.height_shift = 0.01; },
      [](TrainingPlan& p) { p.augmentation.zoom = 0.01; },
      [](TrainingPlan& p) { p.augmentation.horizontal_flip ^= true; },
      [](TrainingPlan& p) { p.augmentation.shear_degrees = 1; },
      [](TrainingPlan& p) { p.augmentation.crop_scale = 0.5; },
      [](TrainingPlan& p) { p.augmentation.brightness = 0.1; },
      [](TrainingPlan& p) { p.augmentation.contrast = 0.1; },
      [](TrainingPlan& p) { p.augmentation.erasing = 0.1; },
      [](TrainingPlan& p) { p.views = 4; },
      [](TrainingPlan& p) { p.mixup = 0.2; },
      [](TrainingPlan& p) { p.cutmix = 0.2; },
      [](TrainingPlan& p) { p.scratch.blocks = 4; },
      [](TrainingPlan& p) { p.scratch.dropout = 0.1; },
      [](TrainingPlan& p) { p.scratch.batch_norm = false; },
      [](TrainingPlan& p) { p.pooling = Pooling::kFlatten; },
      [](TrainingPlan& p) { p.dense = {256}; },
      [](TrainingPlan& p) { p.dropout_hidden = 0.31; },
      [](TrainingPlan& p) { p.batch_norm = true; },
      [](TrainingPlan& p) { p.norm_place = NormPlace::kEvery; },
      [](TrainingPlan& p) { p.norm_place = NormPlace::kInput; },
      [](TrainingPlan& p) { p.dropout = 0.26; },
      [](TrainingPlan& p) { p.l1 = 0.01; },
      [](TrainingPlan& p) { p.l2 = 0.01; },
      [](TrainingPlan& p) { p.l2_bias = 0.01; },
      [](TrainingPlan& p) { p.unfreeze = "all"; },
      [](TrainingPlan& p) { p.optimizer.kind = OptimizerPlan::Kind::kAdamW; },
      [](TrainingPlan& p) { p.optimizer.kind = OptimizerPlan::Kind::kSgd; },
      [](TrainingPlan& p) { p.optimizer.kind = OptimizerPlan::Kind::kRmsprop; },
      [](TrainingPlan& p) {
        p.optimizer.learning_rate = p.optimizer.backbone_learning_rate = 4e-3;
      },
      [](TrainingPlan& p) { p.optimizer.backbone_learning_rate = 1e-5; },
      [](TrainingPlan& p) { p.optimizer.momentum = 0.9; },
      [](TrainingPlan& p) { p.optimizer.weight_decay = 0.01; },
      [](TrainingPlan& p) { p.schedule.kind = SchedulePlan::Kind::kCosine; },
      [](TrainingPlan& p) { p.schedule.kind = SchedulePlan::Kind::kStep; },
      [](TrainingPlan& p) { p.schedule.kind = SchedulePlan::Kind::kPlateau; },
      [](TrainingPlan& p) { p.schedule.warmup_epochs = 1; },
      [](TrainingPlan& p) { p.schedule.factor = 0.5; },
      [](TrainingPlan& p) { p.schedule.every = 3; },
      [](TrainingPlan& p) { p.schedule.patience = 3; },
      [](TrainingPlan& p) { p.clip_norm = 1; },
      [](TrainingPlan& p) { p.learns_backbone_statistics = false; },
      [](TrainingPlan& p) { p.ema_decay = 0.99; },
      [](TrainingPlan& p) { p.label_smoothing = 0.1; },
      [](TrainingPlan& p) { p.class_weights = ClassWeights::kBalanced; },
      [](TrainingPlan& p) { p.batch_size = 32; },
      [](TrainingPlan& p) { p.sync_batch_norm = true; },
      [](TrainingPlan& p) { p.precision = Precision::kTf32; },
      [](TrainingPlan& p) { p.precision = Precision::kBfloat16; },
      [](TrainingPlan& p) { p.precision = Precision::kFloat16; },
      [](TrainingPlan& p) { p.test_time_flip = true; },
  };
  std::set<std::string> seen = {PlanFingerprint(FirstVersionPlan())};
  for (size_t i = 0; i < std::size(changes); ++i) {
    TrainingPlan plan = FirstVersionPlan();
    changes[i](plan);
    EXPECT_TRUE(seen.insert(PlanFingerprint(plan)).second) << "change " << i;
  }
}

TEST(PlanFingerprintTest, WhenToStopChangesNothing) {
  TrainingPlan plan = FirstVersionPlan();
  plan.epochs = 100;
  plan.early_stopping_patience = 1;
  plan.early_stopping_min_delta = 0.5;
  plan.early_stopping_metric = "val_accuracy";
  plan.pretrain_epochs = 77;  // nothing is pre-trained
  EXPECT_EQ(PlanFingerprint(plan), PlanFingerprint(FirstVersionPlan()));
}

// A budget that is raised while the trial waits must not make its checkpoint useless.
TEST(PlanFingerprintTest, ARaisedBudgetLeavesCosineTrialsResumable) {
  TrainingPlan plan = FirstVersionPlan();
  plan.schedule.kind = SchedulePlan::Kind::kCosine;
  const std::string before = PlanFingerprint(plan);
  plan.epochs = 100;
  EXPECT_EQ(PlanFingerprint(plan), before);
}

}  // namespace
}  // namespace vizsla
