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
  EXPECT_EQ(plan->network, "mobilenet_v2");
  EXPECT_TRUE(plan->pretrained());
  EXPECT_EQ(plan->image_size, 160);
  EXPECT_EQ(plan->preprocessing.name, "tf");  // what the weights expect
  EXPECT_EQ(plan->augmentation, AugmentationPolicy());
  EXPECT_EQ(plan->pooling, Pooling::kAverage);
  EXPECT_THAT(plan->dense, ElementsAre());
  EXPECT_EQ(plan->dropout_hidden, 0);
  EXPECT_TRUE(plan->batch_norm);
  EXPECT_EQ(plan->dropout, 0.5);
  EXPECT_EQ(plan->unfreeze, "none");
  EXPECT_EQ(plan->optimizer, OptimizerPlan());
  EXPECT_EQ(plan->schedule, SchedulePlan());
  EXPECT_EQ(plan->norm_place, NormPlace::kLast);
  EXPECT_EQ(plan->mixup + plan->cutmix + plan->l1 + plan->l2 + plan->l2_bias, 0);
  EXPECT_EQ(plan->clip_norm + plan->ema_decay + plan->label_smoothing, 0);
  EXPECT_EQ(plan->class_weights, ClassWeights::kNone);
  EXPECT_FALSE(plan->test_time_flip);
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

TEST(ResolvePlan, ScratchNetworksAreTheCampaignsUnlessSaidOtherwise) {
  const auto v1 = Resolve({{"network", Word("scratch_v1")}, {"image_size", int64_t{16}}}, {});
  ASSERT_TRUE(v1.ok()) << v1.status();
  EXPECT_EQ(v1->initial_weights, InitialWeights::kRandom);
  EXPECT_EQ(v1->preprocessing.name, "unit");
  EXPECT_EQ(v1->scratch, (ScratchOptions{.blocks = 2, .dropout = 0.25, .batch_norm = true}));
  EXPECT_EQ(v1->pooling, Pooling::kFlatten);
  EXPECT_THAT(v1->dense, ElementsAre(512, 256));
  EXPECT_EQ(v1->dropout_hidden, 0);
  EXPECT_EQ(v1->dropout, 0.5);
  EXPECT_EQ(v1->unfreeze, "all");
  EXPECT_EQ(FeatureMapSize(*v1), 4);
  const auto v2 =
      Resolve({{"network", Word("scratch_v2")}, {"initial_weights", Word("random")}}, {});
  ASSERT_TRUE(v2.ok()) << v2.status();
  EXPECT_EQ(v2->scratch.dropout, 0.5);
  EXPECT_THAT(v2->dense, ElementsAre(128, 128));
  EXPECT_EQ(v2->dropout_hidden, 0.5);
  EXPECT_EQ(v2->l2, 0);
  const auto v3 = Resolve({{"network", Word("scratch_v3")}}, {});
  ASSERT_TRUE(v3.ok()) << v3.status();
  EXPECT_EQ(v3->scratch, (ScratchOptions{.blocks = 3, .dropout = 0, .batch_norm = false}));
  EXPECT_THAT(v3->dense, ElementsAre(256, 256));
  EXPECT_EQ(v3->l1, 0.01);
  EXPECT_EQ(v3->l2, 0.01);
  EXPECT_EQ(v3->l2_bias, 0.01);
  EXPECT_EQ(FeatureMapSize(*v3), 2);        // 160 -> 40 -> 10 -> 2
  EXPECT_EQ(PooledFeatureCount(*v3), 512);  // 2 x 2 x 128

  const auto other = Resolve({{"network", Word("scratch_v1")},
                              {"blocks", int64_t{3}},
                              {"block_dropout", 0.1},
                              {"block_batch_norm", false},
                              {"pooling", Word("avg")},
                              {"dense", IntList{}}},
                             {});
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ(other->scratch, (ScratchOptions{.blocks = 3, .dropout = 0.1, .batch_norm = false}));
  EXPECT_EQ(PooledFeatureCount(*other), 128);

  EXPECT_THAT(ErrorOf({{"network", Word("scratch_v1")}, {"unfreeze", Word("none")}}),
              HasSubstr("parameter unfreeze: scratch_v1 has no backbone"));
  EXPECT_THAT(ErrorOf({{"network", Word("scratch_v1")}, {"backbone_learning_rate", 0.1}}),
              HasSubstr("parameter backbone_learning_rate: scratch_v1 has no backbone"));
  EXPECT_THAT(ErrorOf({{"network", Word("scratch_v2")}, {"initial_weights", Word("pretrained")}}),
              HasSubstr("parameter initial_weights: scratch_v2 has no pretrained weights"));
  EXPECT_THAT(ErrorOf({{"network", Word("scratch_v3")}, {"image_size", int64_t{63}}}),
              HasSubstr("parameter image_size: 63 is too small for the pools of scratch_v3"));
  EXPECT_THAT(ErrorOf({{"network", Word("scratch_v3")}, {"dense", IntList{}}, {"l1", 0.1}}),
              HasSubstr("parameter l1"));
}

TEST(ResolvePlan, EveryBackboneByItsName) {
  for (const char* name : {"mobilenet_v2", "inception_v3", "resnet50", "vgg16", "densenet121",
                           "efficientnet_v2_s", "xception", "inception_resnet_v2"}) {
    const auto plan = Resolve({{"network", Word(name)}}, {name, "symmetric", "torch"});
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_EQ(plan->network, name);
    EXPECT_GT(FeatureMapSize(*plan), 0);
    EXPECT_TRUE(FeaturesAreShareable(*plan));
    EXPECT_THAT(ErrorOf({{"network", Word(name)}, {"image_size", int64_t{31}}}, {"", "", "torch"}),
                HasSubstr(StrCat("is too small for ", name)));
    EXPECT_THAT(ErrorOf({{"network", Word(name)}, {"blocks", int64_t{2}}}, {"", "", "torch"}),
                HasSubstr("parameter blocks: is of scratch networks"));
    EXPECT_THAT(ErrorOf({{"network", Word(name)}, {"initial_weights", Word("autoencoder")}},
                        {"", "", "torch"}),
                HasSubstr("parameter initial_weights: autoencoder is for scratch networks"));
  }
  EXPECT_THAT(
      ErrorOf({{"network", Word("inception_v3")}, {"image_size", int64_t{74}}}, {"", "", "tf"}),
      HasSubstr("needs at least 75"));
}

TEST(ResolvePlan, UnfreezePointsByKerasAndTorchvisionsNames) {
  for (const char* name : {"mixed9", "Mixed_7c", "conv2d_93", "conv2d_1", "Conv2d_1a_3x3.conv"}) {
    const auto plan =
        Resolve({{"network", Word("inception_v3")}, {"unfreeze", Word(name)}}, {"", "", "tf"});
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_EQ(plan->unfreeze, name);
  }
  EXPECT_THAT(ErrorOf({{"network", Word("inception_v3")}, {"unfreeze", Word("block_16_expand")}},
                      {"", "", "tf"}),
              HasSubstr("parameter unfreeze: inception_v3 has no layer block_16_expand"));
}

TEST(ResolvePlan, ViewsAreOfAugmentationsThatHaveNoEnd) {
  EXPECT_EQ(Resolve({{"augmentation", Word("v3")}})->views, 0) << "off, and of older studies";
  EXPECT_FALSE(TrainViews(*Resolve({{"augmentation", Word("v3")}})));
  const auto v3 = Resolve({{"augmentation", Word("v3")}, {"views", int64_t{6}}});
  ASSERT_TRUE(v3.ok()) << v3.status();
  EXPECT_EQ(v3->views, 6);
  EXPECT_EQ(TrainViews(*v3)->count(), 6);
  EXPECT_TRUE(FeaturesAreShareable(*v3));
  EXPECT_EQ(
      Resolve({{"augmentation", Word("custom")}, {"rotation", 5.0}, {"views", int64_t{64}}})->views,
      64);
  // Where all views can be kept anyway it changes nothing, so that a space may fix it.
  for (const char* exact : {"none", "v1"}) {
    EXPECT_EQ(Resolve({{"augmentation", Word(exact)}, {"views", int64_t{6}}})->views, 0) << exact;
  }
  EXPECT_EQ(
      Resolve({{"augmentation", Word("custom")}, {"flip", true}, {"views", int64_t{6}}})->views, 0);
  EXPECT_THAT(ErrorOf({{"augmentation", Word("v3")}, {"views", int64_t{65}}}),
              HasSubstr("parameter views: must be an integer from 0 to 64, not 65"));
  EXPECT_THAT(ErrorOf({{"augmentation", Word("v3")}, {"views", int64_t{-1}}}),
              HasSubstr("parameter views: must be an integer from 0 to 64, not -1"));
}

TEST(ResolvePlan, Techniques) {
  const auto plan = Resolve({{"augmentation", Word("custom")},
                             {"rotation", 20.0},
                             {"shift", 0.1},
                             {"zoom", 0.3},
                             {"flip", true},
                             {"shear", 5.0},
                             {"crop", 0.6},
                             {"brightness", 0.2},
                             {"contrast", 0.3},
                             {"erasing", 0.25},
                             {"mixup", 0.2},
                             {"cutmix", 1.0},
                             {"unfreeze", Word("block_16_expand")},
                             {"backbone_statistics", Word("kept")},
                             {"optimizer", Word("sgd")},
                             {"learning_rate", 0.1},
                             {"backbone_learning_rate", 0.001},
                             {"schedule", Word("step")},
                             {"schedule_every", int64_t{4}},
                             {"schedule_factor", 0.5},
                             {"warmup_epochs", int64_t{2}},
                             {"clip_norm", 1.0},
                             {"ema", 0.999},
                             {"label_smoothing", 0.1},
                             {"class_weights", Word("balanced")},
                             {"dense", IntList{64}},
                             {"batch_norm_place", Word("every")},
                             {"epochs", int64_t{12}},
                             {"early_stopping_patience", int64_t{3}},
                             {"early_stopping_metric", Word("val_accuracy")},
                             {"test_time_flip", true}});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->augmentation, (AugmentationPolicy{.rotation_degrees = 20,
                                                    .width_shift = 0.1,
                                                    .height_shift = 0.1,
                                                    .zoom = 0.3,
                                                    .horizontal_flip = true,
                                                    .shear_degrees = 5,
                                                    .crop_scale = 0.6,
                                                    .brightness = 0.2,
                                                    .contrast = 0.3,
                                                    .erasing = 0.25}));
  EXPECT_EQ(plan->mixup, 0.2);
  EXPECT_EQ(plan->cutmix, 1.0);
  EXPECT_EQ(plan->optimizer, (OptimizerPlan{.kind = OptimizerPlan::Kind::kSgd,
                                            .learning_rate = 0.1,
                                            .backbone_learning_rate = 0.001,
                                            .momentum = 0.9,
                                            .weight_decay = 0}));
  EXPECT_EQ(plan->schedule,
            (SchedulePlan{
                .kind = SchedulePlan::Kind::kStep, .warmup_epochs = 2, .factor = 0.5, .every = 4}));
  EXPECT_EQ(plan->norm_place, NormPlace::kEvery);
  EXPECT_EQ(plan->class_weights, ClassWeights::kBalanced);
  EXPECT_FALSE(plan->learns_backbone_statistics);
  EXPECT_EQ(plan->epochs, 12);
  EXPECT_TRUE(plan->test_time_flip);
  const EarlyStopping rule = EarlyStoppingOf(*plan, EarlyStopping());
  EXPECT_EQ(rule.patience, 3);
  EXPECT_EQ(rule.metric, "val_accuracy");
  EXPECT_EQ(rule.direction, Direction::kMaximize);
  EXPECT_EQ(rule.min_delta, EarlyStopping().min_delta);  // not given: the study's
  EXPECT_EQ(EarlyStoppingOf(*Resolve({}), EarlyStopping()), EarlyStopping());

  EXPECT_EQ(Resolve({{"optimizer", Word("adamw")}})->optimizer.weight_decay, 0.01);
  EXPECT_EQ(Resolve({{"learning_rate", 0.01}})->optimizer.backbone_learning_rate, 0.01);
  EXPECT_TRUE(Resolve({{"unfreeze", Word("block_16_expand")}})->learns_backbone_statistics);
}

// A parameter that would change nothing is a mistake, and is named.
TEST(ResolvePlan, RefusesWhatMeansNothing) {
  const std::vector<std::pair<Configuration, std::string>> cases = {
      {{{"rotation", 10.0}}, "rotation: is of `augmentation: custom` only"},
      {{{"augmentation", Word("v2")}, {"flip", true}}, "flip: is of `augmentation: custom` only"},
      {{{"momentum", 0.9}}, "momentum: is of sgd and rmsprop, not of adam"},
      {{{"weight_decay", 0.1}}, "weight_decay: is of adamw and sgd, not of adam"},
      {{{"backbone_learning_rate", 1e-5}}, "backbone_learning_rate: nothing of the backbone"},
      {{{"backbone_statistics", Word("kept")}}, "backbone_statistics: nothing of the backbone"},
      {{{"backbone_statistics", Word("kept")}, {"initial_weights", Word("random")}},
       "backbone_statistics: random weights have no"},
      {{{"backbone_statistics", Word("kept")}, {"network", Word("scratch_v1")}},
       "backbone_statistics: scratch_v1 has no backbone"},
      {{{"schedule_every", int64_t{3}}}, "schedule_every: is of `schedule: step` only"},
      {{{"schedule_patience", int64_t{3}}}, "schedule_patience: is of `schedule: plateau` only"},
      {{{"schedule", Word("cosine")}, {"schedule_factor", 0.5}}, "schedule_factor: is of"},
      {{{"warmup_epochs", int64_t{30}}}, "warmup_epochs: 30 leaves nothing of 30 epochs"},
      {{{"batch_norm", false}, {"batch_norm_place", Word("last")}},
       "batch_norm_place: there is no"},
      {{{"batch_norm_place", Word("every")}}, "batch_norm_place: every is a place beside"},
      {{{"network", Word("scratch_v2")}, {"dense", IntList{}}, {"batch_norm_place", Word("input")}},
       "batch_norm_place: input is a place beside"},
      {{{"dropout_hidden", 0.3}},
       "dropout_hidden: is between the head's dense layers, and `dense` "
       "names none"},
      {{{"network", Word("scratch_v1")}, {"dense", IntList{64}}, {"dropout_hidden", 0.3}},
       "dropout_hidden: is between the head's dense layers, and `dense` names one"},
      {{{"l2", 0.01}}, "l2: is of the head's dense layers"},
      {{{"epochs", int64_t{31}}}, "epochs: 31 is more than the budget's 30 epochs"},
      {{{"pretrain_epochs", int64_t{3}}}, "pretrain_epochs: is of `initial_weights: autoencoder`"},
  };
  for (const auto& [configuration, message] : cases) {
    EXPECT_THAT(ErrorOf(configuration), HasSubstr("parameter " + message));
  }
  // A place that says what is the case anyway, no dropout at all, and a network's own default.
  EXPECT_TRUE(Resolve({{"batch_norm_place", Word("last")}}).ok());
  EXPECT_TRUE(Resolve({{"dropout_hidden", 0.0}}).ok());
  EXPECT_TRUE(Resolve({{"network", Word("scratch_v2")}, {"dense", IntList{64}}}).ok());
  EXPECT_TRUE(Resolve({{"dense", IntList{64}}, {"batch_norm_place", Word("input")}}).ok());
  EXPECT_TRUE(Resolve({{"dense", IntList{64, 64}}, {"dropout_hidden", 0.3}}).ok());
  // Fine together.
  EXPECT_TRUE(Resolve({{"mixup", 0.2}, {"class_weights", Word("balanced")}}).ok());
}

TEST(ResolvePlan, ChannelOrderKeepsEachColoursNumbers) {
  const auto usual = Resolve({{"preprocessing", Word("caffe")}});
  const auto rgb = Resolve({{"preprocessing", Word("caffe")}, {"channel_order", Word("rgb")}});
  ASSERT_TRUE(usual.ok() && rgb.ok());
  EXPECT_TRUE(usual->preprocessing.bgr);
  EXPECT_FALSE(rgb->preprocessing.bgr);
  EXPECT_EQ(rgb->preprocessing.offset[0], usual->preprocessing.offset[2]);  // red
  EXPECT_EQ(rgb->preprocessing.offset[2], usual->preprocessing.offset[0]);  // blue
  EXPECT_TRUE(Resolve({{"channel_order", Word("bgr")}})->preprocessing.bgr);
}

TEST(ResolvePlan, RandomBackbonesAreTrainedWhole) {
  const auto plan = Resolve({{"initial_weights", Word("random")}}, {});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_FALSE(plan->pretrained());
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
  EXPECT_EQ(ResolvePlan({}, Epochs(0), kTraits).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ResolvePlan, BatchesOfOneWhereNoBatchNormTrains) {
  const auto of_one = [](Configuration configuration) {
    configuration["batch_size"] = int64_t{1};
    configuration["batch_norm"] = false;
    const auto plan = ResolvePlan(configuration, Epochs(30), {"", "", "torch"});
    if (!plan.ok()) {
      EXPECT_THAT(plan.status().ToString(), HasSubstr("parameter batch_size: 1 gives batch norm"));
    }
    return plan.ok();
  };
  EXPECT_TRUE(of_one({}));
  EXPECT_FALSE(of_one({{"unfreeze", Word("block_16_expand")}}));
  EXPECT_FALSE(of_one({{"unfreeze", Word("Conv_1_bn")}}));
  EXPECT_TRUE(of_one({{"unfreeze", Word("out_relu")}})) << "only an activation trains";
  EXPECT_TRUE(of_one({{"network", Word("vgg16")}, {"unfreeze", Word("all")}}));
  EXPECT_FALSE(of_one({{"network", Word("scratch_v1")}}));
  EXPECT_TRUE(of_one({{"network", Word("scratch_v1")}, {"block_batch_norm", false}}));
  EXPECT_TRUE(of_one({{"network", Word("scratch_v3")}}));
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
  EXPECT_THAT(error("eopchs", IntDomain{1, 2, false, 1}), HasSubstr("eopchs: unknown"));
}

TEST(KnownParameters, DefaultsAreAllowedAndHelpIsThere) {
  EXPECT_EQ(KnownParameters().size(), 55u);
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
  EnqueuedTrial trial;
  trial.configuration = {{"network", Word("mobilenet_v2")}};
  enqueued.enqueue = {trial};
  EXPECT_TRUE(NeedsWeights(enqueued));
}

TEST(FeaturesAreShareable, OnlyOfFrozenBackbonesWithExactViews) {
  EXPECT_TRUE(FeaturesAreShareable(*Resolve({})));
  EXPECT_TRUE(FeaturesAreShareable(*Resolve({{"augmentation", Word("v1")}})));
  EXPECT_FALSE(FeaturesAreShareable(*Resolve({{"augmentation", Word("v2")}})));
  EXPECT_FALSE(FeaturesAreShareable(*Resolve({{"unfreeze", Word("block_16_expand")}})));
  EXPECT_FALSE(FeaturesAreShareable(*Resolve({{"unfreeze", Word("all")}})));
  EXPECT_FALSE(FeaturesAreShareable(*Resolve({{"network", Word("scratch_v1")}})));
  EXPECT_TRUE(FeaturesAreShareable(*Resolve({{"augmentation", Word("custom")}, {"flip", true}})));
  EXPECT_FALSE(
      FeaturesAreShareable(*Resolve({{"augmentation", Word("custom")}, {"contrast", 0.1}})));
  EXPECT_FALSE(FeaturesAreShareable(*Resolve({{"mixup", 0.2}})));
  EXPECT_FALSE(FeaturesAreShareable(*Resolve({{"cutmix", 0.2}})));
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
