#include "src/catalog/sharing_trials.h"

#include <gtest/gtest.h>

namespace vizsla {
namespace {

StudySpec Study() {
  StudySpec spec;
  spec.space.parameters = {
      {.name = "unfreeze", .domain = CategoricalDomain{{std::string("a"), std::string("b")}}},
      {.name = "image_size", .domain = IntDomain{.low = 96, .high = 160, .step = 32}},
      {.name = "dropout", .domain = FloatDomain{.low = 0, .high = 1}}};
  spec.budget.trials = 60;
  return spec;
}

TEST(ExpectedSharingTrials, SpreadsWhatIsLeftOverTheKindsOfFeatures) {
  EXPECT_DOUBLE_EQ(ExpectedSharingTrials(Study(), 1, 0), 10);
  EXPECT_DOUBLE_EQ(ExpectedSharingTrials(Study(), 1, 30), 5);
}

TEST(ExpectedSharingTrials, CountsTheTrialItself) {
  EXPECT_DOUBLE_EQ(ExpectedSharingTrials(Study(), 1, 59), 1);
  EXPECT_DOUBLE_EQ(ExpectedSharingTrials(Study(), 1, 500), 1);
}

TEST(ExpectedSharingTrials, CountsRepeats) {
  StudySpec spec = Study();
  spec.repeats = 2;
  EXPECT_DOUBLE_EQ(ExpectedSharingTrials(spec, 1, 0), 20);
}

TEST(ExpectedSharingTrials, AnEndlessStudyGoesOnForAsLongAgain) {
  StudySpec spec = Study();
  spec.budget.trials.reset();
  EXPECT_DOUBLE_EQ(ExpectedSharingTrials(spec, 1, 0), 1);
  EXPECT_DOUBLE_EQ(ExpectedSharingTrials(spec, 1, 59), 10);
}

}  // namespace
}  // namespace vizsla
