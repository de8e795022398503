// Trials that train a part of the backbone on what its frozen part gave, computed once.
#include "src/train/cached_input.h"

#include <gmock/gmock.h>

#include "src/catalog/backbones.h"
#include "src/nn/weights_import.h"
#include "tests/train/trainer_fixture.h"

namespace vizsla {
namespace {

using ::testing::ContainsRegex;

// Maps of 2 x 2 pixels and more where the network is cut: with fewer, places and channels could be
// confused unseen.
constexpr int kSide = 64;

class CachedInputTest : public TrainerTest {
 protected:
  CachedInputTest() : TrainerTest(kSide) {}

  static void SetUpTestSuite() {
    folder_ = new TemporaryDirectory(*TemporaryDirectory::Create());
    weights_ = new std::shared_ptr<const TensorFile>(RandomWeights(folder_->path(), kSide));
  }

  // One activation crosses block_16_expand; two cross block_15_depthwise, inside a residual block.
  static TrainingPlan Tuned(const std::string& unfreeze) {
    TrainingPlan plan = SmallPlan();
    plan.image_size = kSide;
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

// Maps from 2 x 2 to 8 x 8; one crosses, or two.
TEST_F(CachedInputTest, RowsGoOnAsTheMapsTheyWere) {
  std::vector<PhotoView> views(5);
  for (uint32_t i = 0; i < views.size(); ++i) views[i].photo = i;
  const torch::Tensor images = torch::empty({5, 3, kSide, kSide});
  ASSERT_TRUE(train.Fill(views, images.data_ptr<float>()).ok());
  for (const char* unfreeze :
       {"block_6_expand", "block_5_depthwise", "block_15_depthwise", "block_16_expand", "none"}) {
    SCOPED_TRACE(unfreeze);
    const TrainingPlan plan = Tuned(unfreeze);
    const auto model = BuildModel(plan, Padding::kSymmetric, kClasses, StreamKey(1));
    ASSERT_TRUE(model.ok()) << model.status();
    ASSERT_TRUE(ImportBackbone(**weights_, "weights", **model).ok());
    (*model)->eval();
    const torch::NoGradGuard no_gradients;
    const std::optional<CachedInput> input = CachedInput::For(plan);
    ASSERT_TRUE(input);
    const torch::Tensor rows = input->Rows(**model, images);
    ASSERT_EQ(rows.sizes(), (std::vector<int64_t>{5, static_cast<int64_t>(input->row_floats())}));
    const torch::Tensor logits =
        input->Logits(**model, rows.narrow(1, static_cast<int64_t>(input->first_float()),
                                           static_cast<int64_t>(input->float_count())));
    const torch::Tensor expected = (*model)->forward(images);
    EXPECT_GT((expected[0] - expected[1]).abs().max().item<double>(), 1e-3) << "photos matter";
    EXPECT_LT((logits - expected).abs().max().item<double>(),
              1e-5 * (1 + expected.abs().max().item<double>()));
  }
}

TEST_F(CachedInputTest, ValidatesLargeMapsInSmallBatches) {
  SyntheticSource many(130, kClasses, kSide, 2);
  TrainingData data = Data();
  data.validation = &many;
  const auto steps = [&](const std::string& unfreeze) {
    TrainingPlan plan = Tuned(unfreeze);
    plan.epochs = 1;
    RecordingHooks hooks;
    const auto group = MakeLocalCommunicator();
    const auto result = RunTrial(Assignment(plan), data, Cached(), *group, hooks);
    EXPECT_TRUE(result.ok()) << result.status();
    return hooks.progress_calls - hooks.feature_progress_calls;
  };
  EXPECT_EQ(steps("none"), 5 + 1);
  EXPECT_EQ(steps("block_16_expand"), 5 + 3);
}

TEST_F(CachedInputTest, WhatWouldTakeTooMuchIsComputedForEveryBatch) {
  TrainerOptions options = Cached();
  options.feature_cache_folder += "-small";
  options.largest_feature_cache = 1000;
  RecordingHooks hooks;
  Run(Assignment(Tuned("block_16_expand")), hooks, options);
  EXPECT_EQ(train.filled, 3 * 70);
}

TEST_F(CachedInputTest, StoredOrNotTheMetricsAreTheSame) {
  TrainerOptions options = Cached();
  options.feature_cache_folder += "-choice";
  RecordingHooks recomputed, stored;
  options.feature_storage = FeatureStorage::kRecomputed;
  Run(Assignment(Tuned("block_16_expand")), recomputed, options);
  EXPECT_EQ(train.filled, 70 + 3 * 70) << "a shard to measure, then every epoch";
  train.filled = 0;
  options.feature_storage = FeatureStorage::kStored;
  Run(Assignment(Tuned("block_16_expand")), stored, options);
  EXPECT_EQ(train.filled, 70) << "what was measured was kept: the other view is missing";
  ASSERT_EQ(stored.reports.size(), 3u);
  ASSERT_EQ(recomputed.reports.size(), 3u);
  for (size_t i = 0; i < stored.reports.size(); ++i) {
    for (const auto& [name, value] : stored.reports[i].metrics) {
      EXPECT_NEAR(value, recomputed.reports[i].metrics.at(name), 2e-4 * (1 + std::abs(value)))
          << name << ", epoch " << i + 1;
    }
  }
}

// Two passes over two views are no cheaper than one over each of two epochs; many trials' are.
TEST_F(CachedInputTest, MeasuresWhetherStoringPays) {
  TrainerOptions options = Cached();
  options.feature_cache_folder += "-measured";
  options.feature_storage = FeatureStorage::kMeasured;
  TrialAssignment assignment = Assignment(Tuned("block_16_expand"));
  assignment.plan.epochs = 1;
  RecordingHooks alone, with_others;
  ::testing::internal::CaptureStdout();
  Run(assignment, alone, options);
  EXPECT_THAT(::testing::internal::GetCapturedStdout(),
              ContainsRegex("features before-block_16_expand: [0-9]+ rows to compute, which would "
                            "be read [0-9]+ times: recomputed"));
  EXPECT_EQ(train.filled, 70) << "the epoch: fewer rows than would be stored";
  train.filled = 0;
  assignment.sharing_trials = 100;
  ::testing::internal::CaptureStdout();
  Run(assignment, with_others, options);
  EXPECT_THAT(::testing::internal::GetCapturedStdout(),
              ContainsRegex("features before-block_16_expand: .* for [0-9]+ rows; .* ms a row to "
                            "compute, .* to write, .* to read, 100 epochs: stored"));
  EXPECT_EQ(train.filled, 2 * 70) << "both views";
}

TEST_F(CachedInputTest, HalfRowsGiveNearlyTheMetricsAndAreCachedApart) {
  for (const char* unfreeze : {"none", "block_16_expand"}) {
    SCOPED_TRACE(unfreeze);
    TrainerOptions options = Cached();
    options.feature_cache_folder += "-half";
    RecordingHooks full, half, again;
    Run(Assignment(Tuned(unfreeze)), full, options);
    options.feature_type = FeatureType::kFloat16;
    train.filled = 0;
    Run(Assignment(Tuned(unfreeze)), half, options);
    EXPECT_EQ(train.filled, 2 * 70) << "float32 rows are not read as half ones";
    train.filled = 0;
    Run(Assignment(Tuned(unfreeze)), again, options);
    EXPECT_EQ(train.filled, 0);
    ASSERT_EQ(half.reports.size(), full.reports.size());
    for (size_t i = 0; i < half.reports.size(); ++i) {
      for (const char* loss : {"train_loss", "val_loss"}) {
        const double value = full.reports[i].metrics.at(loss);
        EXPECT_NEAR(half.reports[i].metrics.at(loss), value, 5e-3 * (1 + value))
            << loss << ", epoch " << i + 1;
        EXPECT_NE(half.reports[i].metrics.at(loss), value) << "they are rounded";
        EXPECT_EQ(half.reports[i].metrics.at(loss), again.reports[i].metrics.at(loss));
      }
    }
  }
}

TEST_F(CachedInputTest, WhatFindsNoRoomIsComputedForEveryBatchWithTheSameResults) {
  TrainerOptions options = Cached();
  options.feature_cache_folder += "-no-room";
  options.feature_cache_budget.bytes = 1000;
  RecordingHooks hooks, plain;
  Run(Assignment(Tuned("block_16_expand")), hooks, options);
  EXPECT_EQ(train.filled, 3 * 70);
  Run(Assignment(Tuned("block_16_expand")), plain);
  ASSERT_EQ(hooks.reports.size(), plain.reports.size());
  EXPECT_EQ(hooks.reports.back().metrics, plain.reports.back().metrics);
}

TEST_F(CachedInputTest, AnotherCacheGoesWhenTheBudgetHoldsOneOfThem) {
  TrainerOptions options = Cached();
  options.feature_cache_folder += "-one";
  // Two views of the photos, one of the validation photos: 160 or 1280 channels of 2 x 2.
  options.feature_cache_budget.bytes = 165 * 1280 * 4 * 4 + 10000;
  const auto filled = [&](const char* unfreeze) {
    train.filled = validation.filled = 0;
    RecordingHooks hooks;
    Run(Assignment(Tuned(unfreeze)), hooks, options);
    return static_cast<int>(train.filled + validation.filled);
  };
  EXPECT_EQ(filled("Conv_1_bn"), 165);
  EXPECT_EQ(filled("Conv_1_bn"), 0);
  EXPECT_EQ(filled("block_16_expand"), 165);
  // As much of it went as the other one needed.
  const int again = filled("Conv_1_bn");
  EXPECT_GT(again, 0);
  EXPECT_LE(again, 165);
  EXPECT_EQ(filled("Conv_1_bn"), 0);
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
