// The loss scale of float16: GradScaler's rule, and a trial's first step, which finds its scale.
#include "src/train/loss_scale.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "src/nn/autocast.h"
#include "src/train/training_step.h"
#include "tests/train/trainer_fixture.h"

namespace vizsla {
namespace {

TEST(LossScaleTest, FollowsGradScaler) {
  LossScale scale;
  EXPECT_EQ(scale.value(), 65536);
  scale.Update(/*overflowed=*/true);
  EXPECT_EQ(scale.value(), 32768);
  for (int i = 0; i < LossScale::kGrowthInterval - 1; ++i) scale.Update(false);
  EXPECT_EQ(scale.value(), 32768);
  scale.Update(false);
  EXPECT_EQ(scale.value(), 65536);
  EXPECT_EQ(scale.good_steps(), 0);
  for (int i = 0; i < LossScale::kGrowthInterval - 1; ++i) scale.Update(false);
  scale.Update(true);  // begins anew
  for (int i = 0; i < LossScale::kGrowthInterval - 1; ++i) scale.Update(false);
  EXPECT_EQ(scale.value(), 32768);
}

constexpr int kSide = 16;
constexpr int64_t kRows = 12;

// A small convolutional network with batch norms, dropout and an averaged copy.
TrainingPlan NetworkPlan() {
  TrainingPlan plan = ScratchPlan();
  plan.image_size = kSide;
  plan.scratch.blocks = 1;
  plan.dense = {24};
  plan.batch_size = kRows;
  plan.precision = Precision::kFloat16;
  plan.ema_decay = 0.9;
  return plan;
}

// A model with all that one step of it needs.
class Training {
 public:
  explicit Training(const TrainingPlan& plan) : plan_(plan), model_(Built(plan)) {
    data_.train = &photos_;
    data_.class_count = 3;
    for (uint32_t i = 0; i < kRows; ++i) rows_.views.push_back({.photo = i});
    rows_.global_count = kRows;
    rows_.mine = {0, kRows};
    step_.emplace(plan_, data_, *model_, group_, torch::kCPU);
    model_->train();
  }

  Tally Step(const torch::Tensor& images) {
    Tally tally;
    const absl::Status status = step_->Run(rows_, images, nullptr, StreamKey(5), 1, tally);
    EXPECT_TRUE(status.ok()) << status;
    return tally;
  }
  WeightUpdate& update() { return step_->update(); }
  NamedTensors State() const { return model_->StateDict(); }

 private:
  static std::shared_ptr<Model> Built(const TrainingPlan& plan) {
    auto model = BuildModel(plan, Padding::kSymmetric, 3, StreamKey(7));
    EXPECT_TRUE(model.ok()) << model.status();
    return *model;
  }

  const TrainingPlan plan_;
  SyntheticSource photos_{static_cast<size_t>(kRows), 3, kSide, 1};
  TrainingData data_;
  StepRows rows_;
  std::unique_ptr<Communicator> transport_ = MakeLocalCommunicator();
  VotingGroup group_{*transport_};
  std::shared_ptr<Model> model_;
  std::optional<TrainingStep> step_;
};

torch::Tensor Images(double size) {
  torch::manual_seed(1);
  return torch::randn({kRows, 3, kSide, kSide}) * size;
}

void ExpectSameState(const Training& a, const Training& b) {
  const NamedTensors left = a.State(), right = b.State();
  ASSERT_EQ(left.size(), right.size());
  for (size_t i = 0; i < left.size(); ++i) {
    EXPECT_TRUE(torch::equal(left[i].second, right[i].second)) << left[i].first;
  }
}

class FirstStepTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const absl::Status status = CheckPrecision(Precision::kFloat16, torch::kCPU);
        !status.ok()) {
      GTEST_SKIP() << status;
    }
  }
};

// As if the trial had known the scale: one step, one update of the statistics and of the average.
TEST_F(FirstStepTest, FindsItsScaleOnItsOwnBatch) {
  const torch::Tensor images = Images(30);
  Training training(NetworkPlan());
  training.Step(images);
  EXPECT_EQ(training.update().steps(), 1);
  const double found = training.update().loss_scale()->value();
  ASSERT_LT(found, LossScale().value()) << "these gradients must overflow at first";
  ASSERT_GT(found, 1);
  EXPECT_EQ(training.update().loss_scale()->good_steps(), 1);

  Training knowing(NetworkPlan());
  knowing.update().loss_scale()->Restore(found, 0);
  knowing.Step(images);
  ExpectSameState(training, knowing);
  const NamedTensors left = training.update().State(), right = knowing.update().State();
  ASSERT_EQ(left.size(), right.size());
  for (size_t i = 0; i < left.size(); ++i) {
    EXPECT_TRUE(torch::equal(left[i].second, right[i].second)) << left[i].first;
  }

  Training twice_as_much(NetworkPlan());
  twice_as_much.update().loss_scale()->Restore(2 * found, 0);
  twice_as_much.Step(images);
  EXPECT_EQ(twice_as_much.update().loss_scale()->value(), found) << "it is the largest that fits";
}

TEST_F(FirstStepTest, LaterOverflowsSkipTheirStep) {
  Training training(NetworkPlan());
  training.Step(Images(1));
  ASSERT_EQ(training.update().steps(), 1);
  training.update().loss_scale()->Restore(0x1.0p40, 7);
  training.Step(Images(1));
  EXPECT_EQ(training.update().steps(), 1);
  EXPECT_EQ(training.update().loss_scale()->value(), 0x1.0p39);
  EXPECT_EQ(training.update().loss_scale()->good_steps(), 0);
}

TEST_F(FirstStepTest, ALossThatIsNoNumberEndsTheSearch) {
  Training training(NetworkPlan());
  const Tally tally = training.Step(Images(std::numeric_limits<double>::quiet_NaN()));
  EXPECT_TRUE(std::isnan(tally.loss));
  EXPECT_EQ(training.update().steps(), 0);
  EXPECT_LE(training.update().loss_scale()->value(), 1);
}

}  // namespace
}  // namespace vizsla
