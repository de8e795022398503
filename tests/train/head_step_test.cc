// HeadStep against autograd, over every shape of a head.
#include "src/train/head_step.h"

#include <gtest/gtest.h>

#include "src/train/cached_input.h"
#include "src/train/class_weights.h"
#include "src/train/loss.h"
#include "tests/train/fixtures.h"

namespace vizsla {
namespace {

using torch::Tensor;

constexpr int kClasses = 7;
constexpr int64_t kBatch = 12;

struct Case {
  std::string name;
  std::function<void(TrainingPlan&)> change;
};

std::ostream& operator<<(std::ostream& out, const Case& tested) { return out << tested.name; }

class HeadStepTest : public ::testing::TestWithParam<Case> {
 protected:
  static TrainingPlan Plan() {
    TrainingPlan plan = SmallPlan();
    plan.batch_size = static_cast<int>(kBatch);
    GetParam().change(plan);
    return plan;
  }
  static std::shared_ptr<Model> MakeModel(const TrainingPlan& plan) {
    auto model = *BuildModel(plan, Padding::kSymmetric, kClasses, StreamKey(4));
    model->train();
    return model;
  }
};

void ExpectClose(const Tensor& mine, const Tensor& theirs, double tolerance,
                 const std::string& what) {
  ASSERT_TRUE(mine.defined() && theirs.defined()) << what;
  const double scale = std::max(1e-3, theirs.detach().abs().max().item<double>());
  EXPECT_LT((mine.detach() - theirs.detach()).abs().max().item<double>() / scale, tolerance)
      << what;
}

TEST_P(HeadStepTest, IsWhatAutogradComputes) {
  const TrainingPlan plan = Plan();
  ASSERT_TRUE(HeadStep::Fits(plan, torch::kCPU, 1));
  const auto by_hand = MakeModel(plan), reference = MakeModel(plan);
  // Uneven classes, so that balanced weights differ.
  SyntheticSource source(40, kClasses, 32, 1);
  source.label_of = [](uint32_t photo) {
    return photo % 3 == 0 ? 0 : static_cast<int>(photo) % kClasses;
  };
  const std::vector<float> weights = WeightsOfClasses(plan.class_weights, source, kClasses);
  const TrainingLoss loss(source, plan.label_smoothing, weights, torch::kCPU);
  HeadStep step(plan, *by_hand, weights);

  torch::manual_seed(1);
  uint32_t next = 0;
  // A full batch, smaller ones, one row alone, and a full one again.
  for (const int64_t rows : {kBatch, int64_t{5}, int64_t{1}, kBatch}) {
    const Tensor features = torch::rand({rows, by_hand->feature_count()}) * 3 - 1;
    std::vector<PhotoView> views(static_cast<size_t>(rows));
    for (PhotoView& view : views) view.photo = next++;
    const StreamKey dropout = StreamKey(9).With(next);

    for (auto& [name, parameter] : reference->TrainableParameters()) {
      parameter.mutable_grad() = Tensor();
    }
    reference->BeginStep(dropout, 0);
    const Tensor logits = reference->RunHead(features);
    const Tensor sum = loss.Sum(logits, loss.TargetsOf(views));
    (sum / static_cast<double>(rows) + reference->HeadPenalty(plan.l1, plan.l2, plan.l2_bias))
        .backward();
    const HeadStep::Result result = step.Run(features, LabelsOf(source, views), dropout);

    // The reference normalises one row alone to x * scale - mean * scale, which is a rounding error
    // of that size instead of zero.
    const double tolerance = rows == 1 ? 2e-3 : 2e-5;
    ExpectClose(result.logits, logits, tolerance, "logits");
    EXPECT_NEAR(result.loss, sum.item<double>(), tolerance * std::abs(sum.item<double>()));
    const NamedTensors mine = by_hand->TrainableParameters();
    const NamedTensors theirs = reference->TrainableParameters();
    for (size_t i = 0; i < mine.size(); ++i) {
      ExpectClose(mine[i].second.grad(), theirs[i].second.grad(), tolerance,
                  StrCat(mine[i].first, " of ", rows, " rows"));
    }
    const NamedTensors my_state = by_hand->TrainedState(), state = reference->TrainedState();
    for (size_t i = 0; i < state.size(); ++i) {
      ExpectClose(my_state[i].second.to(torch::kFloat64), state[i].second.to(torch::kFloat64),
                  tolerance, state[i].first);
    }
    // The next step starts from other weights, in other memory, and from the same on both sides.
    const torch::NoGradGuard no_gradients;
    for (size_t i = 0; i < theirs.size(); ++i) {
      Tensor my_weight = mine[i].second, weight = theirs[i].second;
      weight.set_data(weight.detach() - 0.1 * weight.grad());
      my_weight.set_data(weight.detach().clone());
    }
    for (size_t i = 0; i < state.size(); ++i) Tensor(my_state[i].second).copy_(state[i].second);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Heads, HeadStepTest,
    ::testing::Values(Case{"OneLayer", [](TrainingPlan&) {}},
                      Case{"Linear", [](auto& p) { p.dense = {}; }},
                      Case{"LinearPlain",
                           [](auto& p) {
                             p.dense = {};
                             p.batch_norm = false;
                             p.dropout = 0;
                           }},
                      Case{"TwoLayers",
                           [](auto& p) {
                             p.dense = {24, 16};
                             p.dropout_hidden = 0.4;
                             p.dropout = 0.5;
                           }},
                      Case{"NormAfterEvery",
                           [](auto& p) {
                             p.dense = {24, 16};
                             p.norm_place = NormPlace::kEvery;
                             p.dropout_hidden = 0.4;
                           }},
                      Case{"NormOfInput", [](auto& p) { p.norm_place = NormPlace::kInput; }},
                      Case{"NormOfInputLinear",
                           [](auto& p) {
                             p.dense = {};
                             p.norm_place = NormPlace::kInput;
                           }},
                      Case{"NoNorm", [](auto& p) { p.batch_norm = false; }},
                      Case{"MaxPooling", [](auto& p) { p.pooling = Pooling::kMax; }},
                      Case{"Penalties",
                           [](auto& p) {
                             p.l1 = 1e-3;
                             p.l2 = 1e-2;
                             p.l2_bias = 1e-2;
                           }},
                      Case{"Smoothing", [](auto& p) { p.label_smoothing = 0.1; }},
                      Case{"BalancedAndSmooth",
                           [](auto& p) {
                             p.class_weights = ClassWeights::kBalanced;
                             p.label_smoothing = 0.2;
                           }}),
    [](const auto& info) { return info.param.name; });

TEST(HeadStep, FitsHeadsOnSharedRowsAlone) {
  const auto fits = [](const auto& change) {
    TrainingPlan plan = SmallPlan();
    change(plan);
    return HeadStep::Fits(plan, torch::kCPU, 1);
  };
  EXPECT_TRUE(fits([](auto&) {}));
  EXPECT_TRUE(fits([](auto& p) { p.augmentation.horizontal_flip = true; }));
  EXPECT_FALSE(fits([](auto& p) { p.augmentation.rotation_degrees = 10; }));
  EXPECT_TRUE(fits([](auto& p) {
    p.augmentation.rotation_degrees = 10;
    p.views = 4;
  }));
  EXPECT_FALSE(fits([](auto& p) { p.mixup = 0.2; }));
  EXPECT_FALSE(fits([](auto& p) { p.unfreeze = "all"; }));
  EXPECT_FALSE(fits([](auto& p) { p.unfreeze = "block_16_expand"; }));
  EXPECT_FALSE(fits([](auto& p) { p.precision = Precision::kBfloat16; }));
  EXPECT_FALSE(HeadStep::Fits(SmallPlan(), torch::Device("cuda:0"), 1));
  EXPECT_FALSE(HeadStep::Fits(SmallPlan(), torch::kCPU, 2));
}

TEST(HeadStep, ALossThatIsNoNumberStaysOne) {
  const TrainingPlan plan = SmallPlan();
  const auto model = *BuildModel(plan, Padding::kSymmetric, kClasses, StreamKey(4));
  model->train();
  HeadStep step(plan, *model, {});
  torch::Tensor features = torch::ones({3, model->feature_count()});
  features[1][0] = std::nan("");
  const std::vector<int64_t> labels = {0, 1, 2};
  EXPECT_TRUE(std::isnan(step.Run(features, labels, StreamKey(1)).loss));
}

}  // namespace
}  // namespace vizsla
