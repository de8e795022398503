#include "src/catalog/training_plan.h"

#include <gmock/gmock.h>

namespace vizsla {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const WeightsTraits kTraits = {"mobilenet_v2", "tf_same", "tf"};

ParameterValue Word(const char* word) { return std::string(word); }

Budget Epochs(int epochs) {
  Budget budget;
  budget.epochs = epochs;
  return budget;
}

absl::StatusOr<TrainingPlan> Resolve(const Configuration& configuration,
                                     const WeightsTraits& traits = kTraits) {
  return ResolvePlan(configuration, Epochs(30), traits);
}

std::string ErrorOf(const Configuration& configuration, const WeightsTraits& traits = kTraits) {
  const absl::Status status = Resolve(configuration, traits).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  return std::string(status.message());
}

TEST(ResolvePlan, DefaultsAreTheDocumentedOnes) {
  const auto plan = Resolve({});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->network, Network::kMobileNetV2);
  EXPECT_TRUE(plan->pretrained);
  EXPECT_EQ(plan->image_size, 160);
  EXPECT_EQ(plan->preprocessing.name, "tf");  // what the weights expect
  EXPECT_EQ(plan->augmentation, AugmentationPolicy());
  EXPECT_EQ(plan->pooling, Pooling::kAverage);
  EXPECT_THAT(plan->dense, ElementsAre());
  EXPECT_EQ(plan->dropout_hidden, 0);
  EXPECT_TRUE(plan->batch_norm);
  EXPECT_EQ(plan->dropout, 0.5);
  EXPECT_EQ(plan->unfreeze, "none");
  EXPECT_EQ(plan->learning_rate, 1e-3);
  EXPECT_EQ(plan->batch_size, 32);
  EXPECT_TRUE(plan->sync_batch_norm);
  EXPECT_EQ(plan->epochs, 30);
  EXPECT_EQ(FeatureMapSize(*plan), 5);
}

TEST(ResolvePlan, ExpressesTheCampaignsHeads) {
  const auto first = Resolve({{"pooling", Word("flatten")},
                              {"dense", IntList{512, 512, 128}},
                              {"dropout_hidden", 0.0},
                              {"batch_norm", true},
                              {"dropout", 0.25},
                              {"augmentation", Word("v1")}});
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->pooling, Pooling::kFlatten);
  EXPECT_THAT(first->dense, ElementsAre(512, 512, 128));
  EXPECT_EQ(first->dropout, 0.25);
  EXPECT_TRUE(first->augmentation.horizontal_flip);

  const auto final_head = Resolve({{"pooling", Word("avg")},
                                   {"dense", IntList{128, 128}},
                                   {"dropout_hidden", 0.5},
                                   {"batch_norm", true},
                                   {"dropout", 0.5},
                                   {"preprocessing", Word("notebook")}});
  ASSERT_TRUE(final_head.ok()) << final_head.status();
  EXPECT_EQ(final_head->dropout_hidden, 0.5);
  EXPECT_TRUE(final_head->preprocessing.bgr);

  const auto linear = Resolve({{"dense", IntList{}}, {"batch_norm", false}, {"dropout", 0.2}});
  ASSERT_TRUE(linear.ok()) << linear.status();
  EXPECT_FALSE(linear->batch_norm);

  const auto tuned = Resolve({{"unfreeze", Word("block_13_expand")}});
  ASSERT_TRUE(tuned.ok()) << tuned.status();
  EXPECT_EQ(tuned->unfreeze, "block_13_expand");
}

TEST(ResolvePlan, ScratchNetworksHaveFixedBodies) {
  const auto v1 = Resolve({{"network", Word("scratch_v1")}, {"image_size", int64_t{16}}}, {});
  ASSERT_TRUE(v1.ok()) << v1.status();
  EXPECT_FALSE(v1->pretrained);
  EXPECT_EQ(v1->preprocessing.name, "unit");
  EXPECT_THAT(v1->dense, ElementsAre(512, 256));
  EXPECT_EQ(v1->dropout_hidden, 0);
  EXPECT_EQ(v1->dropout, 0.5);
  EXPECT_EQ(v1->unfreeze, "all");
  EXPECT_EQ(FeatureMapSize(*v1), 4);
  const auto v2 =
      Resolve({{"network", Word("scratch_v2")}, {"initial_weights", Word("random")}}, {});
  ASSERT_TRUE(v2.ok()) << v2.status();
  EXPECT_THAT(v2->dense, ElementsAre(128, 128));
  EXPECT_EQ(v2->dropout_hidden, 0.5);

  const Configuration extras = {{"pooling", Word("avg")}, {"dense", IntList{8}},
                                {"dropout_hidden", 0.1},  {"batch_norm", true},
                                {"dropout", 0.5},         {"unfreeze", Word("none")}};
  for (const auto& [name, value] : extras) {
    EXPECT_THAT(ErrorOf({{"network", Word("scratch_v1")}, {name, value}}),
                HasSubstr(StrCat("parameter ", name, ": scratch_v1 has a fixed body")));
  }
  EXPECT_THAT(ErrorOf({{"network", Word("scratch_v2")}, {"initial_weights", Word("pretrained")}}),
              HasSubstr("parameter initial_weights: scratch_v2 has no pretrained weights"));
}

TEST(ResolvePlan, RandomBackbonesAreTrainedWhole) {
  const auto plan = Resolve({{"initial_weights", Word("random")}}, {});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_FALSE(plan->pretrained);
  EXPECT_EQ(plan->unfreeze, "all");
  EXPECT_EQ(plan->preprocessing.name, "unit");
  EXPECT_FALSE(FeaturesAreShareable(*plan));
}

TEST(ResolvePlan, RefusesByName) {
  EXPECT_THAT(ErrorOf({{"droput", 0.5}}),
              HasSubstr("parameter droput: unknown; did you mean 'dropout'?"));
  EXPECT_THAT(ErrorOf({{"colour", Word("red")}}), HasSubstr("known are: network, "));
  EXPECT_THAT(ErrorOf({{"dropout", int64_t{0}}}),
              HasSubstr("parameter dropout: must be a number from 0 to 0.95, not 0"));
  EXPECT_THAT(ErrorOf({{"dropout", 1.0}}), HasSubstr("not 1"));
  EXPECT_THAT(ErrorOf({{"dropout", std::nan("")}}), HasSubstr("parameter dropout"));
  EXPECT_THAT(ErrorOf({{"dropout_hidden", -0.1}}), HasSubstr("parameter dropout_hidden"));
  EXPECT_THAT(ErrorOf({{"batch_size", 32.0}}),
              HasSubstr("parameter batch_size: must be an integer"));
  EXPECT_THAT(ErrorOf({{"batch_size", int64_t{0}}}), HasSubstr("from 1 to 4096, not 0"));
  EXPECT_THAT(ErrorOf({{"batch_norm", Word("yes")}}), HasSubstr("must be true or false"));
  EXPECT_THAT(ErrorOf({{"pooling", Word("average")}}),
              HasSubstr("parameter pooling: must be one of avg, max, flatten, not average"));
  EXPECT_THAT(ErrorOf({{"unfreeze", Word("block_13_expnad")}}),
              HasSubstr("did you mean 'block_13_expand'?"));
  EXPECT_THAT(ErrorOf({{"unfreeze", Word("block_17_expand")}}), HasSubstr("parameter unfreeze"));
  EXPECT_THAT(ErrorOf({{"dense", IntList{0}}}), HasSubstr("up to 8 sizes of 1 to 8192"));
  EXPECT_THAT(ErrorOf({{"dense", IntList{8193}}}), HasSubstr("parameter dense"));
  EXPECT_THAT(ErrorOf({{"dense", IntList(9, 8)}}), HasSubstr("parameter dense"));
  EXPECT_THAT(ErrorOf({{"image_size", int64_t{15}}}), HasSubstr("from 16 to 1024, not 15"));
  EXPECT_THAT(ErrorOf({{"image_size", int64_t{16}}}),
              HasSubstr("parameter image_size: 16 is too small for mobilenet_v2"));
  EXPECT_THAT(ErrorOf({{"learning_rate", 0.0}}), HasSubstr("parameter learning_rate"));
  EXPECT_THAT(ErrorOf({{"batch_size", int64_t{1}}}), HasSubstr("parameter batch_size: 1 gives"));
  EXPECT_TRUE(Resolve({{"batch_size", int64_t{1}}, {"batch_norm", false}}).ok());
  EXPECT_EQ(ResolvePlan({}, Epochs(0), kTraits).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ResolvePlan, WantsWeightsOfTheSameNetworkThatSayWhatTheyExpect) {
  EXPECT_THAT(ErrorOf({}, {"vgg16", "tf_same", "tf"}),
              HasSubstr("the weights are of vgg16, not of mobilenet_v2"));
  EXPECT_TRUE(Resolve({}, {"", "tf_same", "tf"}).ok());
  EXPECT_THAT(ErrorOf({}, {"", "tf_same", ""}), HasSubstr("weights: {preprocessing: "));
  EXPECT_TRUE(Resolve({{"preprocessing", Word("caffe")}}, {"", "tf_same", ""}).ok());
}

TEST(ValidateParameter, ChecksEveryValueOfTheDomain) {
  const auto error = [](const char* name, Domain domain) {
    return ValidateParameter({name, std::move(domain), {}}).ToString();
  };
  EXPECT_TRUE(ValidateParameter({"dropout", FloatDomain{0, 0.6, false, 0.1}, {}}).ok());
  EXPECT_TRUE(ValidateParameter({"dropout", CategoricalDomain{{0.1, 0.5}}, {}}).ok());
  EXPECT_TRUE(ValidateParameter({"batch_size", IntDomain{16, 64, false, 16}, {}}).ok());
  EXPECT_TRUE(
      ValidateParameter({"dense", CategoricalDomain{{IntList{}, IntList{128, 128}}}, {}}).ok());
  EXPECT_THAT(error("dropout", FloatDomain{0, 1}), HasSubstr("not 1"));
  EXPECT_THAT(error("dropout", IntDomain{0, 0, false, 1}), HasSubstr("not an int range"));
  EXPECT_THAT(error("batch_size", FloatDomain{16, 64}), HasSubstr("not a float range"));
  EXPECT_THAT(error("batch_size", IntDomain{16, 5000, false, 1}), HasSubstr("not 5000"));
  EXPECT_THAT(error("pooling", CategoricalDomain{{Word("avg"), Word("sum")}}),
              HasSubstr("not sum"));
  EXPECT_THAT(error("epochs", IntDomain{1, 2, false, 1}), HasSubstr("epochs: unknown"));
}

TEST(KnownParameters, DefaultsAreAllowedAndHelpIsThere) {
  EXPECT_EQ(KnownParameters().size(), 14u);
  for (const ParameterInfo& info : KnownParameters()) {
    EXPECT_TRUE(ValidateParameter({info.name, CategoricalDomain{{info.default_value}}, {}}).ok())
        << info.name;
    EXPECT_FALSE(info.help.empty()) << info.name;
    EXPECT_FALSE(info.allowed.empty()) << info.name;
    for (const std::string& word : info.words) {
      EXPECT_TRUE(ValidateParameter({info.name, CategoricalDomain{{word}}, {}}).ok()) << word;
    }
  }
}

StudySpec WithSpace(std::vector<Parameter> parameters) {
  StudySpec spec;
  spec.space.parameters = std::move(parameters);
  return spec;
}

TEST(NeedsWeights, LooksAtWhatCanHappen) {
  const auto words = [](std::vector<const char*> list) {
    CategoricalDomain domain;
    for (const char* word : list) domain.choices.push_back(Word(word));
    return domain;
  };
  EXPECT_TRUE(NeedsWeights(WithSpace({})));  // the default network is a backbone
  EXPECT_FALSE(NeedsWeights(WithSpace({{"network", words({"scratch_v1", "scratch_v2"}), {}}})));
  EXPECT_TRUE(NeedsWeights(WithSpace({{"network", words({"scratch_v1", "mobilenet_v2"}), {}}})));
  EXPECT_FALSE(NeedsWeights(WithSpace({{"network", words({"scratch_v1", "mobilenet_v2"}), {}},
                                       {"initial_weights", words({"random"}), {}}})));
  EXPECT_FALSE(NeedsWeights(
      WithSpace({{"network", words({"scratch_v1", "mobilenet_v2"}), {}},
                 {"initial_weights", words({"random"}), {{"network", {Word("mobilenet_v2")}}}}})));
  EXPECT_TRUE(NeedsWeights(
      WithSpace({{"network", words({"scratch_v1", "mobilenet_v2"}), {}},
                 {"initial_weights", words({"random"}), {{"network", {Word("scratch_v1")}}}}})));
  // Other parameters, continuous ones too, do not matter.
  EXPECT_FALSE(NeedsWeights(WithSpace(
      {{"learning_rate", FloatDomain{1e-4, 1e-2}, {}}, {"network", words({"scratch_v1"}), {}}})));
  StudySpec enqueued = WithSpace({{"network", words({"scratch_v1"}), {}}});
  enqueued.enqueue = {{"", "", {{"network", Word("mobilenet_v2")}}}};
  EXPECT_TRUE(NeedsWeights(enqueued));
}

TEST(FeaturesAreShareable, OnlyOfFrozenBackbonesWithExactViews) {
  EXPECT_TRUE(FeaturesAreShareable(*Resolve({})));
  EXPECT_TRUE(FeaturesAreShareable(*Resolve({{"augmentation", Word("v1")}})));
  EXPECT_FALSE(FeaturesAreShareable(*Resolve({{"augmentation", Word("v2")}})));
  EXPECT_FALSE(FeaturesAreShareable(*Resolve({{"unfreeze", Word("block_16_expand")}})));
  EXPECT_FALSE(FeaturesAreShareable(*Resolve({{"unfreeze", Word("all")}})));
  EXPECT_FALSE(FeaturesAreShareable(*Resolve({{"network", Word("scratch_v1")}})));
}

TEST(FeatureMapSize, RoundsAsTheNetworkDoes) {
  EXPECT_EQ(FeatureMapSize(*Resolve({{"image_size", int64_t{224}}})), 7);
  EXPECT_EQ(FeatureMapSize(*Resolve({{"image_size", int64_t{161}}})), 6);
  EXPECT_EQ(
      FeatureMapSize(*Resolve({{"network", Word("scratch_v2")}, {"image_size", int64_t{47}}})),
      11);  // 47 -> 23 -> 11
}

TEST(Words, RoundTrip) {
  EXPECT_EQ(*PaddingFromText("tf_same"), Padding::kTfSame);
  EXPECT_EQ(*PaddingFromText("symmetric"), Padding::kSymmetric);
  EXPECT_THAT(PaddingFromText("valid").status().ToString(), HasSubstr("tf_same, symmetric"));
}

}  // namespace
}  // namespace vizsla
