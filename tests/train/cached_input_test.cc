// Trials that train a part of the backbone on what its frozen part gave, computed once.
#include "src/train/cached_input.h"

#include "src/catalog/backbones.h"
#include "tests/train/trainer_fixture.h"

namespace vizsla {
namespace {

class CachedInputTest : public TrainerTest {
 protected:
  // One activation crosses block_16_expand; two cross block_15_depthwise, inside a residual block.
  static TrainingPlan Tuned(const std::string& unfreeze) {
    TrainingPlan plan = SmallPlan();
    plan.unfreeze = unfreeze;
    plan.augmentation.horizontal_flip = true;
    plan.optimizer.learning_rate = 1e-4;
    plan.optimizer.backbone_learning_rate = 1e-5;
    return plan;
  }
};

TEST_F(CachedInputTest, TrainingFromTheUnfreezePointGivesThePlainMetrics) {
  for (const char* unfreeze : {"block_16_expand", "block_15_depthwise", "Conv_1_bn"}) {
    SCOPED_TRACE(unfreeze);
    train.filled = validation.filled = 0;
    RecordingHooks plain, cached;
    EXPECT_EQ(Run(Assignment(Tuned(unfreeze)), plain).outcome, AttemptOutcome::kCompleted);
    EXPECT_EQ(train.filled, 3 * 70) << "every photo, every epoch";
    train.filled = validation.filled = 0;
    EXPECT_EQ(Run(Assignment(Tuned(unfreeze)), cached, Cached()).outcome,
              AttemptOutcome::kCompleted);
    EXPECT_EQ(train.filled, 2 * 70) << "every view once";
    EXPECT_EQ(validation.filled, 25) << "every photo once";
    ASSERT_EQ(plain.reports.size(), cached.reports.size());
    for (size_t i = 0; i < plain.reports.size(); ++i) {
      for (const auto& [name, value] : plain.reports[i].metrics) {
        EXPECT_NEAR(value, cached.reports[i].metrics.at(name), 2e-4 * (1 + std::abs(value)))
            << name << ", epoch " << i + 1;
      }
    }
    RecordingHooks again;
    train.filled = 0;
    Run(Assignment(Tuned(unfreeze)), again, Cached());
    EXPECT_EQ(train.filled, 0) << "another trial computes nothing anew";
  }
}

TEST_F(CachedInputTest, WhatWouldTakeTooMuchIsComputedForEveryBatch) {
  TrainerOptions options = Cached();
  options.feature_cache_folder += "-small";
  options.largest_feature_cache = 1000;
  RecordingHooks hooks;
  Run(Assignment(Tuned("block_16_expand")), hooks, options);
  EXPECT_EQ(train.filled, 3 * 70);
}

TEST(CachedInputFor, IsOfWhatStaysTheSame) {
  TrainingPlan plan;
  EXPECT_EQ(CachedInput::For(plan)->row_floats(), 2 * 1280u);  // average and maximum
  EXPECT_EQ(CachedInput::For(plan)->first_float(), 0u);
  plan.pooling = Pooling::kMax;
  EXPECT_EQ(CachedInput::For(plan)->first_float(), 1280u);
  plan.pooling = Pooling::kFlatten;
  EXPECT_EQ(CachedInput::For(plan)->row_floats(), 25 * 1280u);

  plan.unfreeze = "block_16_expand";
  ASSERT_TRUE(CachedInput::For(plan));
  EXPECT_EQ(CachedInput::For(plan)->row_floats(), 5 * 5 * 160u);
  const std::string content = CachedInput::For(plan)->content();
  plan.unfreeze = "features.17";  // the same place
  EXPECT_EQ(CachedInput::For(plan)->content(), content);
  plan.unfreeze = "block_15_depthwise";
  EXPECT_EQ(CachedInput::For(plan)->row_floats(), 5 * 5 * (160 + 960u));
  EXPECT_NE(CachedInput::For(plan)->content(), content);

  plan.augmentation.rotation_degrees = 15;
  EXPECT_FALSE(CachedInput::For(plan));
  plan.augmentation = {};
  plan.cutmix = 1;
  EXPECT_FALSE(CachedInput::For(plan));
  plan.cutmix = 0;
  plan.unfreeze = "all";
  EXPECT_FALSE(CachedInput::For(plan));
  plan.unfreeze = "block_16_expand";
  plan.initial_weights = InitialWeights::kRandom;
  EXPECT_FALSE(CachedInput::For(plan));
}

}  // namespace
}  // namespace vizsla
