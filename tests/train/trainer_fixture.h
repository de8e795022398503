// A trial on one rank: photos, weights, and how to run it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/train/fixtures.h"

namespace vizsla {

inline constexpr int kClasses = 3;

class TrainerTest : public ::testing::Test {
 protected:
  explicit TrainerTest(int side = 32)
      : train(70, kClasses, side, 1), validation(25, kClasses, side, 2) {}

  static void SetUpTestSuite() {
    folder_ = new TemporaryDirectory(*TemporaryDirectory::Create());
    weights_ = new std::shared_ptr<const TensorFile>(RandomWeights(folder_->path()));
  }
  static void TearDownTestSuite() {
    delete weights_;
    delete folder_;
  }

  TrialAssignment Assignment(const TrainingPlan& plan) const {
    TrialAssignment assignment;
    assignment.plan = plan;
    assignment.study_seed = 42;
    assignment.trial_number = 3;
    assignment.attempt = AttemptNumber(1);
    assignment.early_stopping.patience = 0;
    return assignment;
  }
  TrainingData Data() const {
    TrainingData data;
    data.train = &train;
    data.validation = &validation;
    data.class_count = kClasses;
    data.weights = *weights_;
    data.weights_hash = std::string(64, 'a');
    return data;
  }
  // Whatever it costs.
  TrainerOptions Cached() const {
    return {.feature_cache_folder = folder_->path() + "/features",
            .feature_storage = FeatureStorage::kStored};
  }
  static TrainerOptions Uncached() { return {"", false, "cpu"}; }

  TrialResult Run(const TrialAssignment& assignment, RecordingHooks& hooks,
                  const TrainerOptions& options = Uncached()) const {
    const auto group = MakeLocalCommunicator();
    auto result = RunTrial(assignment, Data(), options, *group, hooks);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *result : TrialResult{};
  }

  SyntheticSource train;  // four batches of 16 and one of 6
  SyntheticSource validation;
  static inline TemporaryDirectory* folder_ = nullptr;
  static inline std::shared_ptr<const TensorFile>* weights_ = nullptr;
};

}  // namespace vizsla
