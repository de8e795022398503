// That the verdicts are the trainer's own is tested in tests/train/warm_start_test.cc.
#include "src/catalog/warm_start_fits.h"

#include <gmock/gmock.h>

#include "src/catalog/head_tensors.h"

namespace vizsla {
namespace {

using ::testing::ElementsAre;

std::string Verdict(const TrainingPlan& source, const TrainingPlan& plan) {
  const absl::Status status = WarmStartFits(source, plan);
  EXPECT_TRUE(status.ok() || absl::IsInvalidArgument(status)) << status;
  return std::string(status.message());
}

TrainingPlan Dense(std::vector<int64_t> sizes) {
  TrainingPlan plan;
  plan.dense = std::move(sizes);
  return plan;
}
TrainingPlan Scratch() {
  TrainingPlan plan;
  plan.network = "scratch_v1";
  plan.initial_weights = InitialWeights::kRandom;
  plan.scratch = DefaultScratchOptions(plan.network);
  plan.unfreeze = "all";
  return plan;
}

TEST(WarmStartFits, WhatLeavesTheTensorsAsTheyAre) {
  const TrainingPlan source = Dense({64});
  EXPECT_EQ(Verdict(source, source), "");
  TrainingPlan plan = source;
  plan.unfreeze = "block_16_expand";
  plan.pooling = Pooling::kMax;
  plan.image_size = 224;
  plan.dropout = plan.dropout_hidden = 0.1;
  plan.optimizer.kind = OptimizerPlan::Kind::kSgd;
  plan.augmentation.zoom = 0.2;
  EXPECT_EQ(Verdict(source, plan), "");
  // Without dense layers the only norm is of the features, wherever it is placed.
  plan = Dense({});
  plan.norm_place = NormPlace::kInput;
  EXPECT_EQ(Verdict(Dense({}), plan), "");
  plan = Scratch();
  plan.scratch.dropout = 0.5;
  plan.initial_weights = InitialWeights::kAutoencoder;
  EXPECT_EQ(Verdict(Scratch(), plan), "");
}

TEST(WarmStartFits, NamesTheParameterThatDoesNotFit) {
  TrainingPlan plan;
  plan.network = "resnet50";
  EXPECT_EQ(Verdict({}, plan),
            "parameter network: resnet50 does not fit the weights that it starts from, of "
            "mobilenet_v2");
  EXPECT_EQ(Verdict(Dense({}), Dense({512})),
            "parameter dense: [512] does not fit the weights that it starts from, of a head of "
            "dense layers []");
  EXPECT_EQ(Verdict(Dense({64}), Dense({64, 64})),
            "parameter dense: [64, 64] does not fit the weights that it starts from, of a head of "
            "dense layers [64]");
  plan = Dense({64});
  plan.batch_norm = false;
  EXPECT_EQ(Verdict(Dense({64}), plan),
            "parameter batch_norm: false does not fit the weights that it starts from, of a head "
            "with batch norm (last)");
  EXPECT_EQ(Verdict(plan, Dense({64})),
            "parameter batch_norm: true does not fit the weights that it starts from, of a head "
            "without batch norm");
  plan = Dense({64});
  plan.norm_place = NormPlace::kInput;
  EXPECT_EQ(Verdict(Dense({64}), plan),
            "parameter batch_norm_place: input does not fit the weights that it starts from, of a "
            "head with batch norm (last)");
  plan = Dense({64});
  plan.pooling = Pooling::kFlatten;
  EXPECT_EQ(Verdict(Dense({64}), plan),
            "parameter pooling: flatten does not fit the weights that it starts from, of a head on "
            "1280 features");
  TrainingPlan larger = plan;
  larger.image_size = 224;
  EXPECT_EQ(Verdict(plan, larger),
            "parameter image_size: 224 does not fit the weights that it starts from, of a head on "
            "32000 features");
}

TEST(WarmStartFits, ScratchNetworksNeedTheSameBlocks) {
  TrainingPlan plan = Scratch();
  plan.scratch.blocks = Scratch().scratch.blocks + 1;
  EXPECT_EQ(Verdict(Scratch(), plan), StrCat("parameter blocks: ", plan.scratch.blocks,
                                             " does not fit the weights that it starts from, of ",
                                             Scratch().scratch.blocks, " blocks"));
  plan = Scratch();
  plan.scratch.batch_norm = !plan.scratch.batch_norm;
  EXPECT_THAT(Verdict(Scratch(), plan), ::testing::StartsWith("parameter block_batch_norm: "));
}

TEST(HeadTensors, HaveTheStateDictsNames) {
  TrainingPlan plan = Dense({64});
  EXPECT_THAT(
      HeadTensors(plan, 120),
      ElementsAre(
          NamedShape{"head.dense1.weight", {64, 1280}}, NamedShape{"head.dense1.bias", {64}},
          NamedShape{"head.norm.weight", {64}}, NamedShape{"head.norm.bias", {64}},
          NamedShape{"head.norm.running_mean", {64}}, NamedShape{"head.norm.running_var", {64}},
          NamedShape{"head.norm.num_batches_tracked", {}},
          NamedShape{"head.output.weight", {120, 64}}, NamedShape{"head.output.bias", {120}}));
}

}  // namespace
}  // namespace vizsla
