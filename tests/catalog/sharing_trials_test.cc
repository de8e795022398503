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
  spec.budget.trials = 0;
  EXPECT_DOUBLE_EQ(ExpectedSharingTrials(spec, 1, 0), 1);
  EXPECT_DOUBLE_EQ(ExpectedSharingTrials(spec, 1, 59), 10);
}

}  // namespace
}  // namespace vizsla
