// Autoencoder pre-training: what it learns, from which photos, and what becomes of it.
#include "src/train/autoencoder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "src/nn/graph_network.h"
#include "src/weights/safetensors.h"
#include "tests/train/trainer_fixture.h"

namespace vizsla {
namespace {

class AutoencoderTest : public TrainerTest {
 protected:
  static TrainingPlan Plan(int pretrain_epochs) {
    TrainingPlan plan = ScratchPlan();
    plan.initial_weights = InitialWeights::kAutoencoder;
    plan.pretrain_epochs = pretrain_epochs;
    plan.epochs = 1;
    return plan;
  }
  TrainingData WithUnlabelled() const {
    TrainingData data = Data();
    data.weights = nullptr;
    data.unlabelled = &unlabelled;
    return data;
  }
  TrialResult RunWith(const TrialAssignment& assignment, const TrainingData& data,
                      RecordingHooks& hooks) const {
    const auto group = MakeLocalCommunicator();
    const auto result = RunTrial(assignment, data, Uncached(), *group, hooks);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *result : TrialResult{};
  }

  SyntheticSource unlabelled{30, kClasses, 32, 4};
};

// Of the pixels around their mean: the error of a decoder that has learned nothing but that.
double PixelVariance(const BatchSource& source) {
  std::vector<PhotoView> views(source.photo_count());
  for (uint32_t i = 0; i < views.size(); ++i) views[i].photo = i;
  const int64_t side = source.image_size();
  torch::Tensor images = torch::empty({static_cast<int64_t>(views.size()), 3, side, side});
  EXPECT_TRUE(source.Fill(views, images.data_ptr<float>()).ok());
  return images.var().item<double>();
}

TEST_F(AutoencoderTest, LearnsToReproducePhotosAndSaysHowWell) {
  RecordingHooks once, often;
  EXPECT_EQ(RunWith(Assignment(Plan(1)), WithUnlabelled(), once).outcome,
            AttemptOutcome::kCompleted);
  EXPECT_EQ(RunWith(Assignment(Plan(12)), WithUnlabelled(), often).outcome,
            AttemptOutcome::kCompleted);
  const double after_one = once.reports.at(0).metrics.at("pretrain_loss");
  const double after_many = often.reports.at(0).metrics.at("pretrain_loss");
  EXPECT_LT(after_many, 0.7 * after_one);
  EXPECT_LT(after_many, 0.7 * PixelVariance(train));
}

TEST_F(AutoencoderTest, SeesTrainAndUnlabelledPhotosOnly) {
  RecordingHooks hooks;
  std::map<int64_t, int64_t> validated;  // by pre-training's steps
  hooks.on_progress = [&](int epoch, int64_t done) {
    if (epoch == 0) validated[done] = validation.filled;
    return Directive::kContinue;
  };
  RunWith(Assignment(Plan(2)), WithUnlabelled(), hooks);
  EXPECT_EQ(unlabelled.filled, 2 * 30);
  EXPECT_EQ(train.filled, (2 + 1) * 70);
  EXPECT_EQ(validation.filled, 25);
  ASSERT_EQ(validated.size(), 2u * 7) << "100 photos are 7 steps of 16";
  EXPECT_EQ(validated.rbegin()->second, 0);
}

TEST_F(AutoencoderTest, NeedsNoUnlabelledPhotos) {
  RecordingHooks without, empty;
  RunWith(Assignment(Plan(1)), Data(), without);
  SyntheticSource none(0, kClasses, 32, 4);
  TrainingData data = Data();
  data.unlabelled = &none;
  RunWith(Assignment(Plan(1)), data, empty);
  EXPECT_EQ(without.reports.at(0).metrics, empty.reports.at(0).metrics);
}

TEST_F(AutoencoderTest, TheEncoderStartsTheClassifier) {
  const TrainingPlan plan = Plan(3);
  const TrialStreams streams(42, 3);
  const auto model = BuildModel(plan, Padding::kSymmetric, kClasses, streams.Initialization());
  ASSERT_TRUE(model.ok());
  std::map<std::string, torch::Tensor> before;
  for (const auto& [name, tensor] : (*model)->StateDict()) before[name] = tensor.clone();
  const auto local = MakeLocalCommunicator();
  VotingGroup group(*local);
  RecordingHooks hooks;
  const auto loss =
      PretrainEncoder(plan, WithUnlabelled(), streams, torch::kCPU, **model, group, hooks);
  ASSERT_TRUE(loss.ok()) << loss.status();
  const NamedTensors after = (*model)->StateDict();
  ASSERT_EQ(after.size(), before.size()) << "the decoder is gone";
  for (const auto& [name, tensor] : after) {
    EXPECT_EQ(torch::equal(tensor, before.at(name)), name.starts_with("head.")) << name;
    EXPECT_FALSE(tensor.grad().defined()) << name;
  }

  // A trial's first step starts from it: with next to no learning rate for the body, that is what
  // its checkpoint holds.
  TrainingPlan still = plan;
  still.optimizer.backbone_learning_rate = 1e-20;
  RecordingHooks trial;
  RunWith(Assignment(still), WithUnlabelled(), trial);
  const auto best = ParseSafetensors(trial.stored.at(trial.reports.at(0).checkpoint_hash));
  ASSERT_TRUE(best.ok());
  for (const auto& [name, tensor] : after) {
    if (!name.starts_with("body.conv")) continue;
    EXPECT_TRUE(torch::equal(ToTensor(best->tensors.at(name)), tensor)) << name;
  }
  EXPECT_EQ(trial.reports[0].metrics.at("pretrain_loss"), **loss);
}

TEST_F(AutoencoderTest, StartsAgainAfterAPreemption) {
  RecordingHooks whole, preempted, again;
  RunWith(Assignment(Plan(2)), WithUnlabelled(), whole);
  preempted.on_progress = [](int epoch, int64_t done) {
    return epoch == 0 && done == 9 ? Directive::kPreempt : Directive::kContinue;
  };
  const TrialResult result = RunWith(Assignment(Plan(2)), WithUnlabelled(), preempted);
  EXPECT_EQ(result.outcome, AttemptOutcome::kPreempted);
  EXPECT_EQ(result.reason, "preempted in the first epoch");
  EXPECT_EQ(result.last_checkpoint, "");
  RunWith(Assignment(Plan(2)), WithUnlabelled(), again);
  EXPECT_EQ(again.reports.at(0).metrics, whole.reports.at(0).metrics);
}

TEST_F(AutoencoderTest, WorksWherePoolsDropRows) {
  TrainingPlan plan = Plan(1);
  plan.network = "scratch_v3";
  plan.scratch = {.blocks = 2, .dropout = 0.1, .batch_norm = true};
  plan.image_size = 39;  // 39 -> 9 -> 2, and back to 32
  SyntheticSource large(20, kClasses, 39, 1), large_validation(5, kClasses, 39, 2);
  TrainingData data = Data();
  data.train = &large;
  data.validation = &large_validation;
  RecordingHooks hooks;
  EXPECT_EQ(RunWith(Assignment(plan), data, hooks).outcome, AttemptOutcome::kCompleted);
  EXPECT_TRUE(std::isfinite(hooks.reports.at(0).metrics.at("pretrain_loss")));

  SyntheticSource stray(20, kClasses, 32, 1);
  data.unlabelled = &stray;
  const TrialResult refused = RunWith(Assignment(plan), data, hooks);
  EXPECT_EQ(refused.outcome, AttemptOutcome::kFailed);
  EXPECT_EQ(refused.reason, "the unlabelled photos are 32 pixels wide, the trial's 39");
}

}  // namespace
}  // namespace vizsla
