// Trials whose augmentation has no end of views, of which K a photo were drawn for all of them.
#include "src/train/feature_phase.h"
#include "tests/train/trainer_fixture.h"

namespace vizsla {
namespace {

// Maps of 2 x 2 pixels where the network is cut.
constexpr int kSide = 64;
constexpr int kViews = 3;
constexpr int kTrain = 70;  // one shard a view
constexpr int kValidation = 25;

class DrawnViewsTest : public TrainerTest {
 protected:
  DrawnViewsTest() : TrainerTest(kSide) {}

  static void SetUpTestSuite() {
    folder_ = new TemporaryDirectory(*TemporaryDirectory::Create());
    weights_ = new std::shared_ptr<const TensorFile>(RandomWeights(folder_->path(), kSide));
  }

  // Of two rounds of the views and one epoch more.
  static TrainingPlan Plan(const char* policy, const std::string& unfreeze, int views = kViews) {
    TrainingPlan plan = SmallPlan();
    plan.image_size = kSide;
    plan.unfreeze = unfreeze;
    plan.augmentation = *FindAugmentationPolicy(policy);
    plan.views = views;
    plan.epochs = 2 * kViews + 1;
    plan.optimizer.learning_rate = 1e-4;
    plan.optimizer.backbone_learning_rate = 1e-5;
    return plan;
  }

  TrainerOptions CachedIn(const std::string& folder) const {
    TrainerOptions options = Cached();
    options.feature_cache_folder += "-" + folder;
    return options;
  }

  struct Filled {
    int64_t train = 0;
    int64_t validation = 0;
  };
  // How many photos were rendered for it.
  Filled RunAndCount(const TrialAssignment& assignment, RecordingHooks& hooks,
                     const TrainerOptions& options) {
    train.filled = validation.filled = 0;
    EXPECT_EQ(Run(assignment, hooks, options).outcome, AttemptOutcome::kCompleted);
    return {train.filled, validation.filled};
  }
  Filled RunAndCount(const TrainingPlan& plan, const TrainerOptions& options) {
    RecordingHooks hooks;
    return RunAndCount(Assignment(plan), hooks, options);
  }
};

TEST_F(DrawnViewsTest, CachedOrNotTheMetricsAreTheSame) {
  for (const char* policy : {"v2", "v3"}) {
    for (const char* unfreeze : {"none", "block_16_expand"}) {
      SCOPED_TRACE(StrCat(policy, ", ", unfreeze));
      const TrainingPlan plan = Plan(policy, unfreeze);
      RecordingHooks plain, cached;
      EXPECT_EQ(RunAndCount(Assignment(plan), plain, Uncached()).train, plan.epochs * kTrain);
      const Filled filled = RunAndCount(Assignment(plan), cached, CachedIn("same"));
      EXPECT_EQ(filled.train, kViews * kTrain) << "every view once";
      ASSERT_EQ(plain.reports.size(), static_cast<size_t>(plan.epochs));
      ASSERT_EQ(cached.reports.size(), plain.reports.size());
      for (size_t i = 0; i < plain.reports.size(); ++i) {
        for (const auto& [name, value] : plain.reports[i].metrics) {
          EXPECT_NEAR(value, cached.reports[i].metrics.at(name), 2e-4 * (1 + std::abs(value)))
              << name << ", epoch " << i + 1;
        }
      }
    }
  }
}

// Or cached and uncached could agree on views that make no difference.
TEST_F(DrawnViewsTest, TheViewsAndTheirNumberMatter) {
  std::vector<double> losses;
  for (const auto& [policy, views] :
       {std::pair("none", 0), {"v2", 0}, {"v2", 1}, {"v2", 3}, {"v2", 4}, {"v3", 3}}) {
    RecordingHooks hooks;
    TrainingPlan plan = Plan(policy, "none", views);
    plan.epochs = 2;
    Run(Assignment(plan), hooks, CachedIn("matter"));
    losses.push_back(hooks.reports.back().metrics.at("train_loss"));
  }
  for (size_t i = 0; i < losses.size(); ++i) {
    for (size_t j = 0; j < i; ++j) EXPECT_GT(std::abs(losses[i] - losses[j]), 1e-3) << i << j;
  }
}

TEST_F(DrawnViewsTest, AllTrialsOfAPolicyShareThem) {
  const TrainerOptions options = CachedIn("shared");
  Filled filled = RunAndCount(Plan("v2", "none"), options);
  EXPECT_EQ(filled.train, kViews * kTrain);
  EXPECT_EQ(filled.validation, kValidation);
  TrialAssignment other = Assignment(Plan("v2", "none"));
  other.study_seed = 1;
  other.trial_number = 77;
  other.plan.pooling = Pooling::kMax;
  RecordingHooks hooks;
  EXPECT_EQ(RunAndCount(other, hooks, options).train, 0) << "another study's trial";
  EXPECT_EQ(RunAndCount(Plan("v2", "none", 2), options).train, 0) << "the first two";
  EXPECT_EQ(RunAndCount(Plan("v2", "none", 5), options).train, 2 * kTrain) << "two more";
  filled = RunAndCount(Plan("v3", "none"), options);
  EXPECT_EQ(filled.train, kViews * kTrain) << "another policy's";
  EXPECT_EQ(filled.validation, 0) << "validation sees the photos as they are";
  EXPECT_EQ(RunAndCount(Plan("v1", "none", 0), options).train, 2 * kTrain) << "exact views";
}

TEST_F(DrawnViewsTest, MixedRowsAreOfTheDrawnViewsAndNotCached) {
  TrainingPlan plan = Plan("v2", "none");
  plan.epochs = 1;
  plan.cutmix = 1;
  RecordingHooks plain, cached;
  RunAndCount(Assignment(plan), plain, Uncached());
  EXPECT_EQ(RunAndCount(Assignment(plan), cached, CachedIn("mixed")).train, kTrain);
  EXPECT_NEAR(plain.reports.back().metrics.at("train_loss"),
              cached.reports.back().metrics.at("train_loss"), 1e-5);
}

// A trial on its own sees fewer views than would be computed; with others it pays.
TEST_F(DrawnViewsTest, AreStoredWhereThatIsCheaper) {
  TrainerOptions options = CachedIn("cheaper");
  options.feature_storage = FeatureStorage::kMeasured;
  TrialAssignment assignment = Assignment(Plan("v2", "none", 20));
  assignment.plan.epochs = 2;
  RecordingHooks alone, with_others;
  Filled filled = RunAndCount(assignment, alone, options);
  EXPECT_EQ(filled.train, 2 * kTrain) << "the epochs, and nothing to measure";
  EXPECT_EQ(filled.validation, kValidation) << "kept";
  assignment.sharing_trials = 200;
  filled = RunAndCount(assignment, with_others, options);
  EXPECT_EQ(filled.train, 20 * kTrain);
  EXPECT_EQ(filled.validation, 0);
  for (const auto& [name, value] : alone.reports.back().metrics) {
    EXPECT_NEAR(value, with_others.reports.back().metrics.at(name), 2e-4 * (1 + std::abs(value)))
        << name;
  }
}

TEST_F(DrawnViewsTest, WhatWouldTakeTooMuchIsComputedForEveryBatch) {
  TrainerOptions options = CachedIn("small");
  options.largest_feature_cache = (kTrain * 10 + kValidation * 2) * 2560 * 4;
  EXPECT_EQ(RunAndCount(Plan("v2", "none", 10), options).train, 10 * kTrain);
  const Filled filled = RunAndCount(Plan("v3", "none", 11), options);
  EXPECT_EQ(filled.train, 7 * kTrain) << "every epoch";
  EXPECT_EQ(filled.validation, 0) << "kept all the same";
}

}  // namespace
}  // namespace vizsla
