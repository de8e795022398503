#include "src/study/planned_trials.h"

#include <gtest/gtest.h>

namespace vizsla {
namespace {

ParameterValue Word(const char* word) { return std::string(word); }
CategoricalDomain Words(std::vector<const char*> words) {
  CategoricalDomain domain;
  for (const char* word : words) domain.choices.push_back(Word(word));
  return domain;
}

// Two poolings, and then a stage of the whole grid of `parameters`.
StudySpec TwoStages(std::vector<Parameter> parameters) {
  StudySpec spec;
  spec.sampler = GridOptions();
  spec.space.parameters = {{"pooling", Words({"avg", "max"}), {}}};
  spec.stages.resize(1);
  spec.stages[0].sampler = GridOptions();
  spec.stages[0].space.parameters = std::move(parameters);
  return spec;
}

// "3", "at most 3", "no end".
std::string Planned(const StudySpec& spec, int stage) {
  const auto planned = PlanTrials(spec, stage);
  if (!planned) return "no end";
  return StrCat(planned->certain ? "" : "at most ", planned->count);
}

TEST(PlanTrials, IsTheBudgetOrAllThatThereIs) {
  StudySpec spec = TwoStages({});
  EXPECT_EQ(Planned(spec, 1), "2");
  spec.budget.trials = 1;
  EXPECT_EQ(Planned(spec, 1), "1");
  spec.budget.trials = 9;
  EXPECT_EQ(Planned(spec, 1), "2");
  spec.space.parameters.push_back({"dropout", FloatDomain{0, 0.5, false, std::nullopt}, {}});
  EXPECT_EQ(Planned(spec, 1), "9");
  spec.budget.trials = 0;
  EXPECT_EQ(Planned(spec, 1), "no end");
}

TEST(PlanTrials, EnqueuedTrialsUseUpWhatTheyTakeOfTheSpace) {
  StudySpec spec = TwoStages({});
  spec.enqueue = {{"", "", {{"pooling", Word("max")}}}};
  EXPECT_EQ(Planned(spec, 1), "2");
  spec.enqueue.push_back({"", "", {{"pooling", Word("flatten")}}});
  EXPECT_EQ(Planned(spec, 1), "3");
  spec.budget.trials = 1;
  EXPECT_EQ(Planned(spec, 1), "2") << "they are run in any case";
}

TEST(PlanTrials, ALaterStageVariesEachOfItsSources) {
  StudySpec spec = TwoStages({{"unfreeze", Words({"none", "all"}), {}}});
  EXPECT_EQ(Planned(spec, 2), "2");
  spec.stages[0].top = 3;
  EXPECT_EQ(Planned(spec, 2), "6");
  spec.stages[0].enqueue = {{"", "", {{"unfreeze", Word("all")}}}};
  EXPECT_EQ(Planned(spec, 2), "7");
}

TEST(PlanTrials, WhatDependsOnTheSourceIsAMostUnlessTheBudgetSaysIt) {
  StudySpec spec = TwoStages({{"unfreeze", Words({"none", "all"}), {{"pooling", {Word("max")}}}}});
  EXPECT_EQ(Planned(spec, 2), "at most 2") << "of average pooling there is one";
  spec.stages[0].budget.trials = 1;
  EXPECT_EQ(Planned(spec, 2), "1");
  spec.stages[0].budget.trials = 5;
  EXPECT_EQ(Planned(spec, 2), "2");
}

TEST(TrialLimit, IsTheBudgetButNotLessThanWhatIsEnqueued) {
  StudySpec spec;
  EXPECT_EQ(TrialLimit(StageOf(spec, 1)), std::nullopt);
  EXPECT_TRUE(SamplerMayDraw(StageOf(spec, 1)));
  spec.budget.trials = 2;
  spec.enqueue.resize(1);
  EXPECT_EQ(TrialLimit(StageOf(spec, 1)), 2);
  EXPECT_TRUE(SamplerMayDraw(StageOf(spec, 1)));
  spec.enqueue.resize(2);
  EXPECT_FALSE(SamplerMayDraw(StageOf(spec, 1)));
  spec.enqueue.resize(3);
  EXPECT_EQ(TrialLimit(StageOf(spec, 1)), 3);
  EXPECT_FALSE(SamplerMayDraw(StageOf(spec, 1)));
}

}  // namespace
}  // namespace vizsla
