#include "src/catalog/cached_rows.h"

#include <gmock/gmock.h>

namespace vizsla {
namespace {

using ::testing::ElementsAre;
using Shape = CachedRows::MapShape;

// MobileNetV2 at 160 pixels: 1280 channels of 5 x 5 at the end.
TrainingPlan Unfrozen(const std::string& unfreeze) {
  TrainingPlan plan;
  plan.unfreeze = unfreeze;
  return plan;
}

TEST(CachedRowsOf, AFrozenBackboneGivesItsPooledFeaturesOrItsMap) {
  TrainingPlan plan;
  std::optional<CachedRows> rows = CachedRowsOf(plan);
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->kind, CachedRows::Kind::kPooled);
  EXPECT_EQ(rows->content, "pooled");
  EXPECT_EQ(rows->row_floats, 2 * 1280u) << "average and maximum";
  EXPECT_EQ(rows->first_float, 0u);
  EXPECT_EQ(rows->float_count, 1280u);
  plan.pooling = Pooling::kMax;
  EXPECT_EQ(CachedRowsOf(plan)->content, "pooled") << "both share one pass";
  EXPECT_EQ(CachedRowsOf(plan)->first_float, 1280u);
  plan.pooling = Pooling::kFlatten;
  rows = CachedRowsOf(plan);
  EXPECT_EQ(rows->kind, CachedRows::Kind::kMap);
  EXPECT_EQ(rows->content, "map");
  EXPECT_EQ(rows->row_floats, 5 * 5 * 1280u);
  EXPECT_EQ(rows->float_count, rows->row_floats);
}

TEST(CachedRowsOf, AnUnfreezePointGivesWhatCrossesIt) {
  const auto rows = CachedRowsOf(Unfrozen("block_16_expand"));
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->kind, CachedRows::Kind::kCut);
  EXPECT_EQ(rows->content, "before-block_16_expand");
  EXPECT_THAT(rows->crossing, ElementsAre(Shape{160, 5, 5}));
  EXPECT_EQ(rows->row_floats, 160 * 5 * 5u);
  EXPECT_EQ(rows->float_count, rows->row_floats);
  // Within a residual block its input crosses too.
  EXPECT_THAT(CachedRowsOf(Unfrozen("block_15_depthwise"))->crossing,
              ElementsAre(Shape{160, 5, 5}, Shape{960, 5, 5}));
  EXPECT_EQ(CachedRowsOf(Unfrozen("features.17"))->content, rows->content) << "the same place";
}

TEST(CachedRowsOf, NothingElseStaysTheSame) {
  EXPECT_FALSE(CachedRowsOf(Unfrozen("all")));
  TrainingPlan plan = Unfrozen("block_16_expand");
  plan.initial_weights = InitialWeights::kRandom;
  EXPECT_FALSE(CachedRowsOf(plan));
  plan = Unfrozen("block_16_expand");
  plan.augmentation.rotation_degrees = 15;
  EXPECT_FALSE(CachedRowsOf(plan));
  plan.network = "scratch_v1";
  EXPECT_FALSE(CachedRowsOf(plan));
}

TEST(TrainRowsAreShared, WhenTheViewsAreNumberedAndNothingIsMixed) {
  for (const char* unfreeze : {"none", "block_16_expand"}) {
    TrainingPlan plan = Unfrozen(unfreeze);
    plan.augmentation.horizontal_flip = true;
    EXPECT_TRUE(TrainRowsAreShared(plan)) << unfreeze;
    plan.mixup = 0.2;
    EXPECT_FALSE(TrainRowsAreShared(plan)) << unfreeze;
    plan.mixup = 0;
    plan.augmentation.zoom = 0.1;
    EXPECT_FALSE(TrainRowsAreShared(plan)) << unfreeze;
    plan.views = 5;
    EXPECT_TRUE(TrainRowsAreShared(plan)) << unfreeze << ", drawn views";
    EXPECT_TRUE(CachedRowsOf(plan)) << unfreeze;
    plan.cutmix = 1;
    EXPECT_FALSE(TrainRowsAreShared(plan)) << unfreeze << ", drawn views, mixed";
  }
  TrainingPlan whole = Unfrozen("all");
  EXPECT_FALSE(TrainRowsAreShared(whole));
  whole.augmentation.zoom = 0.1;
  whole.views = 5;
  EXPECT_FALSE(TrainRowsAreShared(whole));
}

TEST(LargestCacheBytes, CountsBothViewsOfEveryPhoto) {
  const auto bytes = [](const TrainingPlan& plan, uint64_t train, uint64_t validation) {
    return LargestCacheBytes(*CachedRowsOf(plan), plan, train, validation);
  };
  EXPECT_EQ(bytes(Unfrozen("block_16_expand"), 900, 100), 1000u * 2 * 4000 * 4);
  // Early maps are large: 16 channels of 112 x 112.
  TrainingPlan early = Unfrozen("block_1_expand");
  early.image_size = 224;
  EXPECT_EQ(bytes(early, 9000, 1000), uint64_t{10000} * 2 * 200704 * 4);
  EXPECT_GT(bytes(early, 9000, 1000), kLargestFeatureCache);
  // Drawn views are of the train photos alone.
  TrainingPlan drawn = Unfrozen("none");
  drawn.augmentation = *FindAugmentationPolicy("v3");
  EXPECT_EQ(bytes(drawn, 900, 100), 1000u * 2 * 2560 * 4) << "none: validation's may be shared";
  drawn.views = 16;
  EXPECT_EQ(bytes(drawn, 900, 100), (900u * 16 + 100 * 2) * 2560 * 4);
}

}  // namespace
}  // namespace vizsla
