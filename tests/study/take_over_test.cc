#include "src/study/take_over.h"

#include <gmock/gmock.h>

namespace vizsla {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ParameterValue Word(const char* word) { return std::string(word); }
Domain Words(std::vector<const char*> words) {
  CategoricalDomain domain;
  for (const char* word : words) domain.choices.push_back(Word(word));
  return domain;
}

std::vector<std::string> Names(const SearchSpace& space) {
  std::vector<std::string> names;
  for (const Parameter& parameter : space.parameters) names.push_back(parameter.name);
  return names;
}

TEST(SpaceOn, FixesTheParentsThatOnlyTheSourceHas) {
  SearchSpace stage;
  stage.parameters = {
      {"unfreeze", Words({"mixed9", "mixed8"}), {{"network", {Word("inception_v3")}}}},
      {"rate", FloatDomain{1e-5, 1e-4, true, {}}, {{"unfreeze", {Word("mixed9")}}}}};
  const SearchSpace on = SpaceOn(stage, {{"network", Word("inception_v3")}, {"dropout", 0.5}});
  EXPECT_THAT(Names(on), ElementsAre("network", "unfreeze", "rate"));
  EXPECT_EQ(on.parameters[0].domain, Words({"inception_v3"}));
  EXPECT_TRUE(Validate(on).ok()) << Validate(on);
}

TEST(SpaceOn, LeavesOutWhatTheSourceCannotMeet) {
  SearchSpace stage;
  stage.parameters = {
      {"unfreeze", Words({"mixed9", "mixed8"}), {{"network", {Word("inception_v3")}}}},
      {"rate", FloatDomain{1e-5, 1e-4, true, {}}, {{"unfreeze", {Word("mixed9")}}}},
      {"dropout", FloatDomain{0, 0.5, false, {}}, {}}};
  const SearchSpace on = SpaceOn(stage, {{"network", Word("vgg16")}});
  EXPECT_THAT(Names(on), ElementsAre("network", "dropout"));
  EXPECT_TRUE(Validate(on).ok()) << Validate(on);
  EXPECT_THAT(Names(SpaceOn(stage, {})), ElementsAre("dropout")) << "a source without the name";
}

TEST(SpaceOn, RestrictsConditionsToTheSource) {
  SearchSpace stage;
  stage.parameters = {{"rate",
                       FloatDomain{1e-5, 1e-4, true, {}},
                       {{"network", {Word("vgg16"), Word("resnet50")}}}}};
  const SearchSpace on = SpaceOn(stage, {{"network", Word("resnet50")}});
  EXPECT_TRUE(Validate(on).ok()) << Validate(on);
  EXPECT_EQ(on.Find("rate")->conditions, (std::vector<Condition>{{"network", {Word("resnet50")}}}));
}

TEST(SpaceOn, AnEmptyStageHasOneConfiguration) {
  const SearchSpace on = SpaceOn({}, {{"dropout", 0.5}});
  EXPECT_EQ(CountConfigurations(on), 1);
  EXPECT_THAT(FirstConfiguration(on), IsEmpty());
}

TEST(ClosedSpace, CanBeChecked) {
  SearchSpace stage;
  stage.parameters = {
      {"a", Words({"x", "y"}), {{"outer", {Word("1"), Word("2")}}}},
      {"b", Words({"x", "y"}), {{"outer", {Word("2"), Word("3")}}, {"a", {Word("x")}}}}};
  const SearchSpace closed = ClosedSpace(stage);
  EXPECT_TRUE(Validate(closed).ok()) << Validate(closed);
  EXPECT_EQ(closed.Find("outer")->domain, Words({"1", "2", "3"}));
  SearchSpace never = stage;
  never.parameters[1].conditions[0].values = {Word("3")};  // a wants 1 or 2
  EXPECT_THAT(NeverActive(ClosedSpace(never)), ElementsAre("b"));
}

StudySpec Campaign() {
  StudySpec spec;
  spec.space.parameters = {
      {"network", Words({"vgg16", "resnet50"}), {}},
      {"schedule", Words({"constant", "step"}), {}},
      {"step_size", IntDomain{1, 9, false, 1}, {{"schedule", {Word("step")}}}},
      {"step_factor", FloatDomain{0, 1, false, {}}, {{"step_size", {int64_t{2}, int64_t{3}}}}},
      {"dropout", FloatDomain{0, 1, false, {}}, {}}};
  Stage tune;
  tune.space.parameters = {
      {"schedule", Words({"constant", "step"}), {}},
      {"dropout", FloatDomain{0, 1, false, {}}, {{"network", {Word("vgg16")}}}}};
  spec.stages = {tune};
  return spec;
}

TEST(TakeOver, OwnParametersReplaceAndTheRestStays) {
  const Configuration source = {
      {"network", Word("vgg16")}, {"schedule", Word("constant")}, {"dropout", 0.3}};
  EXPECT_EQ(TakeOver(Campaign(), 2, source, {{"dropout", 0.1}, {"unfreeze", Word("all")}}),
            (Configuration{{"network", Word("vgg16")},
                           {"schedule", Word("constant")},
                           {"dropout", 0.1},
                           {"unfreeze", Word("all")}}));
}

TEST(TakeOver, WhatHungOnABrokenConditionGoesWithIt) {
  const Configuration source = {{"network", Word("vgg16")},
                                {"schedule", Word("step")},
                                {"step_size", int64_t{2}},
                                {"step_factor", 0.5}};
  EXPECT_EQ(TakeOver(Campaign(), 2, source, {{"schedule", Word("constant")}}),
            (Configuration{{"network", Word("vgg16")}, {"schedule", Word("constant")}}));
  EXPECT_EQ(TakeOver(Campaign(), 2, source, {{"schedule", Word("step")}}), source);
  // The trial's own word stands, and so does a value that the source never had under the condition.
  const Configuration outside = {{"schedule", Word("constant")}, {"step_size", int64_t{7}}};
  EXPECT_EQ(TakeOver(Campaign(), 2, outside, {}), outside);
  EXPECT_EQ(
      TakeOver(Campaign(), 2, source, {{"schedule", Word("constant")}, {"step_size", int64_t{2}}})
          .at("step_size"),
      ParameterValue(int64_t{2}));
}

TEST(TakeOver, EpochsAreTheStagesOwn) {
  const Configuration source = {{"dropout", 0.3}, {"epochs", int64_t{30}}};
  EXPECT_EQ(TakeOver(Campaign(), 2, source, {}), (Configuration{{"dropout", 0.3}}));
  EXPECT_EQ(TakeOver(Campaign(), 2, source, {{"epochs", int64_t{5}}}).at("epochs"),
            ParameterValue(int64_t{5}));
  EXPECT_EQ(TakeOver(Campaign(), 1, source, {}), source);
}

TEST(Vary, KeepsTheSourcesValueWhereTheStageIsInactive) {
  const StudySpec spec = Campaign();
  const Configuration source = {
      {"network", Word("resnet50")}, {"schedule", Word("constant")}, {"dropout", 0.3}};
  const SearchSpace on = SpaceOn(spec.stages[0].space, source);
  EXPECT_THAT(Names(on), ElementsAre("network", "schedule"));
  const Configuration varied =
      Vary(spec, 2, source, {{"network", Word("resnet50")}, {"schedule", Word("step")}});
  EXPECT_EQ(
      varied,
      (Configuration{{"network", Word("resnet50")}, {"schedule", Word("step")}, {"dropout", 0.3}}));
  // What was drawn can be told from what was taken over.
  EXPECT_EQ(DrawnPart(on, varied),
            (Configuration{{"network", Word("resnet50")}, {"schedule", Word("step")}}));
}

TEST(DrawnPart, IsWhatTheSamplerDrew) {
  const StudySpec spec = Campaign();
  const Configuration source = {{"network", Word("vgg16")},
                                {"schedule", Word("step")},
                                {"step_size", int64_t{2}},
                                {"dropout", 0.3}};
  const SearchSpace on = SpaceOn(spec.stages[0].space, source);
  const Configuration drawn = {
      {"network", Word("vgg16")}, {"schedule", Word("constant")}, {"dropout", 0.7}};
  ASSERT_TRUE(Validate(on, drawn).ok());
  EXPECT_EQ(DrawnPart(on, Vary(spec, 2, source, drawn)), drawn);
}

}  // namespace
}  // namespace vizsla
