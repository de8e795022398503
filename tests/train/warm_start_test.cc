// Trials that start from another trial's `best` checkpoint.
#include "src/train/warm_start.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "src/base/sha256.h"
#include "src/catalog/head_tensors.h"
#include "src/catalog/warm_start_fits.h"
#include "src/train/evaluator.h"
#include "src/weights/safetensors.h"
#include "tests/train/trainer_fixture.h"

namespace vizsla {
namespace {

using ::testing::HasSubstr;

class WarmStartTest : public TrainerTest {
 protected:
  // Without batch norm in the head, a trial that learns next to nothing changes next to nothing.
  static TrainingPlan TransferPlan() {
    TrainingPlan plan = FlippedPlan();
    plan.batch_norm = false;
    plan.dropout = 0;
    plan.epochs = 2;
    return plan;
  }

  struct Trained {
    std::string checkpoint;  // the best one
    double val_loss = 0;
  };
  Trained Train(const TrialAssignment& assignment, const TrainerOptions& options) const {
    RecordingHooks hooks;
    EXPECT_EQ(Run(assignment, hooks, options).outcome, AttemptOutcome::kCompleted);
    const auto score = SelectScore(assignment.objective, hooks.reports);
    EXPECT_TRUE(score);
    const EpochReport& best = hooks.reports.at(static_cast<size_t>(score->epoch) - 1);
    return {hooks.stored.at(best.checkpoint_hash), best.metrics.at("val_loss")};
  }
  TrialAssignment From(const Trained& other, const TrainingPlan& plan) const {
    TrialAssignment assignment = Assignment(plan);
    assignment.trial_number = 8;
    assignment.init_checkpoint = other.checkpoint;
    return assignment;
  }

  // Writes a checkpoint as if it were a whole model, and gives its mean loss.
  double LossOf(const std::string& checkpoint, const TrainingPlan& plan) const {
    const std::string path = folder_->path() + "/whole.safetensors";
    EXPECT_TRUE(WriteFileAtomically(path, checkpoint).ok());
    const auto model = TensorFile::Open(path);
    EXPECT_TRUE(model.ok()) << model.status();
    const auto predictions =
        Predict(plan, Padding::kSymmetric, kClasses, **model, validation, "cpu", nullptr);
    EXPECT_TRUE(predictions.ok()) << predictions.status();
    double loss = 0;
    for (uint32_t i = 0; i < validation.photo_count(); ++i) {
      loss -= std::log(
          predictions->probabilities[i * kClasses + static_cast<size_t>(validation.label(i))]);
    }
    return loss / static_cast<double>(validation.photo_count());
  }
};

TEST_F(WarmStartTest, BeginsWhereTheOtherTrialWasBest) {
  const Trained transfer = Train(Assignment(TransferPlan()), Cached());
  TrainingPlan still = TransferPlan();
  SetLearningRate(still, 1e-20);
  const int64_t computed = train.filled + validation.filled;
  EXPECT_NEAR(Train(From(transfer, still), Cached()).val_loss, transfer.val_loss, 1e-6);
  EXPECT_EQ(train.filled + validation.filled, computed)
      << "a checkpoint without a backbone leaves the features as they are";

  TrialAssignment cold = Assignment(still);
  cold.trial_number = 8;
  EXPECT_GT(std::abs(Train(cold, Cached()).val_loss - transfer.val_loss), 1e-2);
}

TEST_F(WarmStartTest, FineTuningKeepsEverythingInItsCheckpoint) {
  const Trained transfer = Train(Assignment(TransferPlan()), Cached());
  TrainingPlan fine = TransferPlan();
  fine.unfreeze = "block_16_expand";
  fine.optimizer.backbone_learning_rate = 1e-4;
  const Trained tuned = Train(From(transfer, fine), Cached());
  const auto contents = ParseSafetensors(tuned.checkpoint);
  ASSERT_TRUE(contents.ok());
  EXPECT_EQ(contents->metadata.at("init_checkpoint"), Sha256Hex(transfer.checkpoint));
  EXPECT_EQ(contents->metadata.at("network"), "mobilenet_v2");
  EXPECT_TRUE(contents->tensors.contains("backbone.features.0.0.weight")) << "it was frozen";
  EXPECT_NEAR(LossOf(tuned.checkpoint, fine), tuned.val_loss, 1e-4) << "it stands alone";

  // Its backbone is another one: features of the study's weights are not its features.
  TrainingPlan still = TransferPlan();
  SetLearningRate(still, 1e-20);
  EXPECT_NEAR(Train(From(tuned, still), Cached()).val_loss, tuned.val_loss, 1e-4);
  EXPECT_NEAR(Train(From(tuned, still), Uncached()).val_loss, tuned.val_loss, 1e-4);
}

TEST_F(WarmStartTest, ATrialThatStartedSoResumes) {
  const Trained transfer = Train(Assignment(TransferPlan()), Cached());
  TrainingPlan fine = TransferPlan();
  fine.unfreeze = "block_16_expand";
  fine.epochs = 3;
  TrialAssignment assignment = From(transfer, fine);
  assignment.checkpoint_interval = std::chrono::seconds(0);
  RecordingHooks whole, resumed;
  Run(assignment, whole);
  assignment.resume_checkpoint = whole.stored.at(whole.last_checkpoints[0]);
  assignment.history = {whole.reports.begin(), whole.reports.begin() + 1};
  Run(assignment, resumed);
  ASSERT_EQ(resumed.reports.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(resumed.reports[i].metrics, whole.reports[i + 1].metrics);
    EXPECT_EQ(resumed.reports[i].checkpoint_hash, whole.reports[i + 1].checkpoint_hash);
  }

  assignment.init_checkpoint.clear();
  RecordingHooks cold;
  const TrialResult refused = Run(assignment, cold);
  EXPECT_EQ(refused.outcome, AttemptOutcome::kFailed);
  EXPECT_THAT(refused.reason, HasSubstr("resume checkpoint: its init_checkpoint is '" +
                                        Sha256Hex(transfer.checkpoint) + "'"));
}

TEST_F(WarmStartTest, ScratchNetworksToo) {
  const Trained first = Train(Assignment(ScratchPlan()), Cached());
  TrainingPlan plan = ScratchPlan();
  plan.initial_weights = InitialWeights::kAutoencoder;  // the checkpoint's encoder is in its place
  RecordingHooks hooks;
  EXPECT_EQ(Run(From(first, plan), hooks).outcome, AttemptOutcome::kCompleted);
  EXPECT_FALSE(hooks.reports[0].metrics.contains("pretrain_loss"));
  EXPECT_LT(hooks.reports[0].metrics.at("train_loss"), std::log(3.0));
}

TEST_F(WarmStartTest, WhatDoesNotFitIsInfeasible) {
  const Trained transfer = Train(Assignment(TransferPlan()), Cached());
  const auto run = [&](const TrialAssignment& assignment, const TrainingData& data) {
    RecordingHooks hooks;
    const auto group = MakeLocalCommunicator();
    auto result = RunTrial(assignment, data, Uncached(), *group, hooks);
    EXPECT_TRUE(result.ok()) << result.status();
    EXPECT_TRUE(hooks.reports.empty());
    return *result;
  };
  const auto reason = [&](const TrainingPlan& plan, const TrainingData& data) {
    const TrialResult result = run(From(transfer, plan), data);
    EXPECT_EQ(result.outcome, AttemptOutcome::kInfeasible) << result.reason;
    EXPECT_TRUE(result.on_any_worker) << result.reason;
    return result.reason;
  };
  TrainingPlan plan = TransferPlan();
  plan.dense = {24};
  EXPECT_EQ(reason(plan, Data()),
            "init checkpoint: its head.dense1.bias has the shape [16], this trial's has [24]");
  plan.dense = {};
  EXPECT_EQ(reason(plan, Data()), "init checkpoint: this trial's network has no head.dense1.bias");
  plan.dense = {16, 16};
  EXPECT_EQ(reason(plan, Data()), "init checkpoint: it has no head.dense2.weight");
  TrainingData data = Data();
  data.class_count = 4;
  EXPECT_EQ(reason(TransferPlan(), data),
            "init checkpoint: its head.output.bias has the shape [3], this trial's has [4]");
  data = Data();
  data.weights_hash = std::string(64, 'b');
  EXPECT_EQ(reason(TransferPlan(), data),
            "init checkpoint: it has no backbone.features.0.0.weight, and was not trained on this "
            "trial's weights");
  data = Data();
  data.padding = Padding::kTfSame;
  EXPECT_EQ(reason(TransferPlan(), data),
            "init checkpoint: its padding is symmetric, this trial's is tf_same");
  EXPECT_EQ(reason(ScratchPlan(), Data()),
            "init checkpoint: it is of mobilenet_v2, this trial's network is scratch_v1");

  TrialAssignment damaged = From(transfer, TransferPlan());
  damaged.init_checkpoint.pop_back();
  EXPECT_EQ(run(damaged, Data()).outcome, AttemptOutcome::kFailed);
  RecordingHooks whole;
  TrialAssignment assignment = Assignment(TransferPlan());
  assignment.checkpoint_interval = std::chrono::seconds(0);
  Run(assignment, whole, Cached());
  damaged.init_checkpoint = whole.stored.at(whole.last_checkpoints[0]);
  EXPECT_EQ(run(damaged, Data()).reason, "init checkpoint: its kind is 'last', not 'best'");
}

// The catalog's verdicts, told from the plans alone, are those of the tensors.
TEST(WarmStartFits, SaysWhatStartFromSays) {
  TrainingPlan mobile;
  mobile.image_size = 64;  // 2 x 2 at the end: flattening makes a difference
  mobile.unfreeze = "Conv_1";
  std::vector<TrainingPlan> plans(9, mobile);
  plans[1].dense = {16};
  plans[2].dense = {16};
  plans[2].norm_place = NormPlace::kEvery;
  plans[3].dense = {16};
  plans[3].norm_place = NormPlace::kInput;
  plans[4].norm_place = NormPlace::kEvery;
  plans[5].batch_norm = false;
  plans[6].pooling = Pooling::kFlatten;
  plans[7].pooling = Pooling::kMax;
  plans[8].dense = {16, 8};
  TrainingPlan scratch = ScratchPlan();
  plans.push_back(scratch);
  scratch.scratch.blocks += 1;
  plans.push_back(scratch);
  scratch.scratch.batch_norm = !scratch.scratch.batch_norm;
  plans.push_back(scratch);

  struct Built {
    std::shared_ptr<Model> model;
    CheckpointIdentity identity;
    std::string checkpoint;
  };
  std::vector<Built> built;
  for (const TrainingPlan& plan : plans) {
    auto model = BuildModel(plan, Padding::kSymmetric, 3, StreamKey(1));
    ASSERT_TRUE(model.ok()) << model.status();
    CheckpointIdentity identity;
    identity.network = plan.network;
    identity.holds_everything = !plan.pretrained();
    identity.weights_hash = plan.pretrained() ? std::string(64, 'a') : "";
    identity.class_count = 3;
    identity.padding = std::string(ToText(Padding::kSymmetric));
    built.push_back({*model, identity, SerializeBest(**model, identity, 1)});
  }
  int fitting = 0;
  for (size_t source = 0; source < plans.size(); ++source) {
    for (size_t i = 0; i < plans.size(); ++i) {
      const auto started = StartFrom(built[source].checkpoint, built[i].identity, *built[i].model);
      const absl::Status verdict = WarmStartFits(plans[source], plans[i]);
      EXPECT_EQ(verdict.ok(), started.ok())
          << source << " to " << i << ": " << verdict << "; " << started.status();
      fitting += verdict.ok() ? 1 : 0;
    }
  }
  EXPECT_EQ(fitting, 16) << "each to itself, average to maximum, no norm to one placed nowhere";

  for (size_t i = 0; i < plans.size(); ++i) {
    std::map<std::string, std::vector<int64_t>> head, expected;
    for (const auto& [name, tensor] : built[i].model->StateDict()) {
      if (name.starts_with("head.")) head[name] = tensor.sizes().vec();
    }
    for (const NamedShape& tensor : HeadTensors(plans[i], 3)) expected[tensor.name] = tensor.shape;
    EXPECT_EQ(head, expected) << i;
  }
}

}  // namespace
}  // namespace vizsla
