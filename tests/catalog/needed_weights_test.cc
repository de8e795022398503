#include "src/catalog/needed_weights.h"

#include <gmock/gmock.h>

namespace vizsla {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ParameterValue Word(const char* word) { return std::string(word); }
EnqueuedTrial Entry(Configuration configuration, InitFrom::Kind init_from = {}) {
  return {"", "", std::move(configuration), {init_from, "", 0}};
}

TEST(PretrainedNetworks, AreThoseOfTheStartsAtWeightsAlone) {
  StudySpec spec;
  spec.budget.trials = 2;
  spec.enqueue = {Entry({{"network", Word("vgg16")}}),
                  Entry({{"network", Word("resnet50")}, {"initial_weights", Word("random")}})};
  EXPECT_THAT(PretrainedNetworks(spec), ElementsAre("vgg16"));
  spec.enqueue.push_back(Entry({{"network", Word("scratch_v2")}}));
  spec.budget.trials = 3;
  EXPECT_THAT(PretrainedNetworks(spec), ElementsAre("vgg16"));
}

TEST(PretrainedNetworks, TheSpaceCountsOnlyWhenItIsDrawn) {
  StudySpec spec;
  spec.enqueue = {Entry({{"network", Word("inception_v3")}})};
  spec.budget.trials = 1;
  EXPECT_THAT(PretrainedNetworks(spec), ElementsAre("inception_v3"));
  spec.budget.trials = 2;
  EXPECT_THAT(PretrainedNetworks(spec), ElementsAre("inception_v3", "mobilenet_v2"))
      << "what names no network is the default";
  spec.budget.trials = 0;
  EXPECT_THAT(PretrainedNetworks(spec), ElementsAre("inception_v3", "mobilenet_v2"))
      << "the whole grid";
}

TEST(PretrainedNetworks, ALaterStageMayChooseAnew) {
  StudySpec spec;
  spec.budget.trials = 1;
  spec.enqueue = {Entry({{"network", Word("scratch_v1")}})};
  spec.stages.resize(1);
  spec.stages[0].budget.trials = 1;
  spec.stages[0].space.parameters = {{"network", CategoricalDomain{{Word("vgg16")}}, {}}};
  EXPECT_THAT(PretrainedNetworks(spec), ElementsAre("vgg16"));
  spec.stages[0].enqueue = {Entry({{"dropout", 0.1}}, InitFrom::Kind::kBest)};
  EXPECT_THAT(PretrainedNetworks(spec), IsEmpty()) << "its sampler is never asked";
  spec.stages[0].enqueue = {Entry({{"network", Word("resnet50")}})};
  EXPECT_THAT(PretrainedNetworks(spec), ElementsAre("resnet50"));
}

}  // namespace
}  // namespace vizsla
