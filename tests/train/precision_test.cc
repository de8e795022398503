// Mixed precision against torch.autocast's own (reference_precision.py), and what it promises of
// checkpoints, the cache and the loss scale.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "src/nn/autocast.h"
#include "src/train/training_step.h"
#include "tests/train/python_reference.h"
#include "tests/train/trainer_fixture.h"

namespace vizsla {
namespace {

using nlohmann::json;

constexpr int kSide = 16;
constexpr int64_t kRows = 12;
constexpr int kSteps = 4;

// What the CPU of this LibTorch can compute in.
std::vector<Precision> Precisions() {
  std::vector<Precision> precisions;
  for (const Precision precision : {Precision::kBfloat16, Precision::kFloat16}) {
    if (CheckPrecision(precision, torch::kCPU).ok()) precisions.push_back(precision);
  }
  return precisions;
}

TrainingPlan NetworkPlan(Precision precision) {
  TrainingPlan plan = ScratchPlan();
  plan.image_size = kSide;
  plan.scratch.blocks = 1;
  plan.scratch.dropout = 0;
  plan.dense = {24};
  plan.dropout = 0;
  plan.l1 = plan.l2 = plan.l2_bias = 0;
  plan.batch_size = kRows;
  plan.precision = precision;
  plan.optimizer = {
      .kind = OptimizerPlan::Kind::kSgd, .learning_rate = 0.1, .backbone_learning_rate = 0.1};
  return plan;
}

// ||a - b|| / ||b||.
double RelativeError(const torch::Tensor& a, const torch::Tensor& b) {
  return ((a.detach() - b).norm() / b.norm()).item<double>();
}

struct Trained {
  std::vector<double> losses;
  std::vector<torch::Tensor> output, convolution;
  std::vector<double> loss_scales;  // that the steps had
};

class PrecisionParityTest : public ::testing::Test {
 protected:
  PrecisionParityTest() {
    torch::manual_seed(1);
    for (int i = 0; i < kSteps; ++i) images_.push_back(torch::randn({kRows, 3, kSide, kSide}));
    for (int64_t i = 0; i < kRows; ++i) rows_.views.push_back({.photo = static_cast<uint32_t>(i)});
    rows_.global_count = kRows;
    rows_.mine = {0, kRows};
  }

  // Trains `model`; kSteps steps.
  Trained Train(const TrainingPlan& plan, Model& model) {
    TrainingData data;
    data.train = &photos_;
    data.class_count = 3;
    const auto transport = MakeLocalCommunicator();
    VotingGroup group(*transport);
    TrainingStep training(plan, data, model, group, torch::kCPU);
    Trained trained;
    for (int i = 0; i < kSteps; ++i) {
      Tally tally;
      const LossScale* scale = training.update().loss_scale();
      const double before = scale != nullptr ? scale->value() : 1;
      EXPECT_TRUE(training.Run(rows_, images_[i], nullptr, StreamKey(i), 1, tally).ok());
      trained.losses.push_back(tally.mean_loss());
      // The first step finds its scale and takes place with it; a later one keeps what it began
      // with, and is skipped when that overflows.
      trained.loss_scales.push_back(scale != nullptr && i == 0 ? scale->value() : before);
      for (const auto& [name, tensor] : model.StateDict()) {
        EXPECT_NE(tensor.scalar_type(), torch::kBFloat16) << name << " is the master copy";
        if (name == "head.output.weight") trained.output.push_back(tensor.detach().clone());
        if (name == "body.conv1.weight") trained.convolution.push_back(tensor.detach().clone());
      }
    }
    EXPECT_GE(training.update().steps(), kSteps - 1) << "too many were skipped to compare";
    return trained;
  }

  SyntheticSource photos_{static_cast<size_t>(kRows), 3, kSide, 1};
  std::vector<torch::Tensor> images_;
  StepRows rows_;
};

TEST_F(PrecisionParityTest, FollowsPyTorchsAutocast) {
  if (!HasPythonTorch()) GTEST_SKIP() << "needs python3-torch (deploy/install-deps.sh --tests)";
  for (const Precision precision : Precisions()) {
    SCOPED_TRACE(std::string(ToText(precision)));
    const TrainingPlan plan = NetworkPlan(precision);
    const auto model = BuildModel(plan, Padding::kSymmetric, 3, StreamKey(7));
    ASSERT_TRUE(model.ok()) << model.status();
    json question = {{"precision", std::string(ToText(precision))},
                     {"learning_rate", plan.optimizer.learning_rate}};
    for (const auto& [name, tensor] : (*model)->StateDict()) {
      if (!name.ends_with("num_batches_tracked")) question["state"][name] = ToJson(tensor);
    }
    for (const torch::Tensor& images : images_) question["steps"].push_back(ToJson(images));
    for (uint32_t i = 0; i < kRows; ++i) question["labels"].push_back(photos_.label(i));
    const Trained ours = Train(plan, **model);
    question["loss_scales"] = ours.loss_scales;
    const json answer = AskPython(VIZSLA_REFERENCE_PRECISION, question);
    ASSERT_EQ(answer.size(), static_cast<size_t>(kSteps));
    const auto exact_model = BuildModel(plan, Padding::kSymmetric, 3, StreamKey(7));
    const Trained exact = Train(NetworkPlan(Precision::kFloat32), **exact_model);
    for (int i = 0; i < kSteps; ++i) {
      const auto theirs = [&](const char* name, const torch::Tensor& like) {
        return torch::tensor(answer[i][name].get<std::vector<double>>())
            .to(torch::kFloat32)
            .reshape(like.sizes());
      };
      EXPECT_NE(answer[i]["type"], "torch.float32");
      const double loss = answer[i]["loss"].get<double>();
      EXPECT_NEAR(ours.losses[i], loss, 0.02 * loss) << "step " << i;
      // Close to PyTorch's, whose rounding is the same, and closer than to float32's.
      for (const auto& [name, own, full] :
           {std::tuple("output", ours.output[i], exact.output[i]),
            {"convolution", ours.convolution[i], exact.convolution[i]}}) {
        const torch::Tensor expected = theirs(name, own);
        EXPECT_LT(RelativeError(own, expected), 5e-3) << name << ", step " << i;
        EXPECT_LT(RelativeError(own, expected), RelativeError(full, expected) + 1e-4)
            << name << ", step " << i;
      }
    }
    EXPECT_GT(RelativeError(ours.output.back(), exact.output.back()), 1e-5) << "it was not used";
  }
}

using PrecisionTrainerTest = TrainerTest;

TEST_F(PrecisionTrainerTest, LearnsAsFloat32Does) {
  TrainingPlan plan = SmallPlan();
  RecordingHooks exact;
  Run(Assignment(plan), exact);
  for (const Precision precision : Precisions()) {
    SCOPED_TRACE(std::string(ToText(precision)));
    plan.precision = precision;
    RecordingHooks low, cached;
    EXPECT_EQ(Run(Assignment(plan), low).outcome, AttemptOutcome::kCompleted);
    Run(Assignment(plan), cached, Cached());
    ASSERT_EQ(low.reports.size(), exact.reports.size());
    for (size_t i = 0; i < low.reports.size(); ++i) {
      for (const char* name : {"train_loss", "val_loss"}) {
        const double expected = exact.reports[i].metrics.at(name);
        // Validation after so few steps normalises with statistics that are hardly learned: the
        // large means of the random backbone's features come through, and any rounding moves it
        // far.
        if (std::string_view(name) == "train_loss") {
          EXPECT_NEAR(low.reports[i].metrics.at(name), expected, 0.1 * std::max(1.0, expected));
        }
        EXPECT_NE(low.reports[i].metrics.at(name), expected) << "it was not used";
        // Batches of other sizes round differently.
        EXPECT_NEAR(cached.reports[i].metrics.at(name), low.reports[i].metrics.at(name),
                    0.05 * std::max(1.0, expected));
      }
    }
  }
}

// Each kind of layer has a backward pass in it, ReLU6 too.
TEST_F(PrecisionTrainerTest, AWholeBackboneLearnsAsFloat32Does) {
  TrainingPlan plan = SmallPlan();
  plan.unfreeze = "all";
  plan.epochs = 4;
  SetLearningRate(plan, 1e-4);
  RecordingHooks exact;
  Run(Assignment(plan), exact);
  const auto loss_of = [](const RecordingHooks& hooks, size_t epoch) {
    return hooks.reports.at(epoch - 1).metrics.at("train_loss");
  };
  ASSERT_LT(loss_of(exact, 4), 0.3);
  for (const Precision precision : Precisions()) {
    SCOPED_TRACE(std::string(ToText(precision)));
    plan.precision = precision;
    RecordingHooks low;
    const TrialResult result = Run(Assignment(plan), low);
    EXPECT_EQ(result.outcome, AttemptOutcome::kCompleted) << result.reason;
    // The first epoch is five steps from random weights: an eighth apart on processors with
    // instructions for bfloat16.
    EXPECT_NEAR(loss_of(low, 1), loss_of(exact, 1), 0.25 * loss_of(exact, 1));
    EXPECT_NEAR(loss_of(low, 4), loss_of(exact, 4), 0.1);
    EXPECT_NE(loss_of(low, 1), loss_of(exact, 1)) << "it was not used";
  }
}

TEST_F(PrecisionTrainerTest, ResumesBitForBit) {
  for (const Precision precision : Precisions()) {
    SCOPED_TRACE(std::string(ToText(precision)));
    TrainingPlan plan = ScratchPlan();
    plan.precision = precision;
    const TrialAssignment assignment = Assignment(plan);
    RecordingHooks whole, preempted, resumed;
    Run(assignment, whole);
    preempted.on_progress = [](int epoch, int64_t done) {
      return epoch == 2 && done >= 3 ? Directive::kPreempt : Directive::kContinue;
    };
    const TrialResult result = Run(assignment, preempted);
    ASSERT_EQ(result.outcome, AttemptOutcome::kPreempted) << result.reason;
    TrialAssignment rest = assignment;
    rest.resume_checkpoint = preempted.stored.at(result.last_checkpoint);
    rest.history = preempted.reports;
    EXPECT_EQ(Run(rest, resumed).outcome, AttemptOutcome::kCompleted);
    ASSERT_EQ(resumed.reports.size(), 1u);
    EXPECT_EQ(resumed.reports[0].metrics, whole.reports[1].metrics);
  }
}

TEST(AutocastTest, NestsAndRestores) {
  const torch::Device cpu(torch::kCPU);
  EXPECT_EQ(AutocastType(cpu), torch::kFloat32);
  {
    const Autocast outer(Precision::kBfloat16, cpu);
    EXPECT_EQ(AutocastType(cpu), torch::kBFloat16);
    {
      const Autocast inner(Precision::kFloat32, cpu);
      EXPECT_EQ(AutocastType(cpu), torch::kFloat32);
    }
    EXPECT_EQ(AutocastType(cpu), torch::kBFloat16);
  }
  EXPECT_EQ(AutocastType(cpu), torch::kFloat32);
}

}  // namespace
}  // namespace vizsla
