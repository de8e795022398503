#include "src/catalog/sharing_trials.h"

#include <gtest/gtest.h>

namespace vizsla {
namespace {

StudySpec Study() {
  StudySpec spec;
  const auto add = [&](const char* name, Domain domain) {
    spec.space.parameters.push_back({name, std::move(domain), {}});
  };
  add("unfreeze", CategoricalDomain{{std::string("a"), std::string("b")}});
  add("image_size", IntDomain{.low = 96, .high = 160, .step = 32});
  add("dropout", FloatDomain{.low = 0, .high = 1});
  spec.budget.trials = 60;
  return spec;
}

double Expected(const StudySpec& spec, int64_t number, const Configuration& configuration = {},
                const TrainingPlan& plan = {}) {
  Trial trial;
  trial.number = number;
  trial.configuration = configuration;
  return ExpectedSharingTrials(spec, trial, plan);
}

TEST(ExpectedSharingTrials, SpreadsWhatIsLeftOverTheKindsOfFeatures) {
  EXPECT_DOUBLE_EQ(Expected(Study(), 0), 10);
  EXPECT_DOUBLE_EQ(Expected(Study(), 30), 5);
}

TEST(ExpectedSharingTrials, CountsTheTrialItself) {
  EXPECT_DOUBLE_EQ(Expected(Study(), 59), 1);
  EXPECT_DOUBLE_EQ(Expected(Study(), 500), 1);
}

TEST(ExpectedSharingTrials, CountsRepeats) {
  StudySpec spec = Study();
  spec.repeats = 2;
  EXPECT_DOUBLE_EQ(Expected(spec, 0), 20);
}

TEST(ExpectedSharingTrials, AnEndlessStudyGoesOnForAsLongAgain) {
  StudySpec spec = Study();
  spec.budget.trials = 0;
  EXPECT_DOUBLE_EQ(Expected(spec, 0), 1);
  EXPECT_DOUBLE_EQ(Expected(spec, 59), 10);
}

TEST(ExpectedSharingTrials, DrawnViewsAreOfTheirPolicy) {
  StudySpec spec = Study();
  spec.space.parameters.push_back(
      {"augmentation", CategoricalDomain{{std::string("v2"), std::string("custom")}}, {}});
  spec.space.parameters.push_back({"rotation", FloatDomain{.low = 0, .high = 30}, {}});
  TrainingPlan plan;
  plan.augmentation = *FindAugmentationPolicy("v2");
  const Configuration v2 = {{"augmentation", std::string("v2")}};
  EXPECT_DOUBLE_EQ(Expected(spec, 0, v2, plan), 10) << "validation's rows are the same for both";
  plan.views = 4;
  EXPECT_DOUBLE_EQ(Expected(spec, 0, v2, plan), 5);
  plan.augmentation = {.rotation_degrees = 7.5};
  EXPECT_DOUBLE_EQ(
      Expected(spec, 0, {{"augmentation", std::string("custom")}, {"rotation", 7.5}}, plan), 1)
      << "nobody else rotates by 7.5 degrees";
  plan.augmentation = *FindAugmentationPolicy("v1");
  EXPECT_DOUBLE_EQ(Expected(spec, 0, {{"augmentation", std::string("v1")}}, plan), 10);
}

}  // namespace
}  // namespace vizsla
