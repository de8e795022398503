// The networks on a GPU against float64 on the CPU: a GPU's float32 is allowed what the CPU's
// float32 is off by, give or take, and lower precision what it costs the CPU.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "src/nn/autocast.h"
#include "src/nn/graph_network.h"
#include "tests/nn/testing.h"

namespace vizsla {
namespace {

const torch::Device kGpu(torch::kCUDA, 0);
constexpr int kClasses = 5;
constexpr int64_t kRows = 4;

// ||a - b|| / ||b||.
double RelativeError(const torch::Tensor& a, const torch::Tensor& b) {
  const auto wide = [](const torch::Tensor& x) {
    return x.detach().to(torch::kCPU, torch::kFloat64);
  };
  return ((wide(a) - wide(b)).norm() / wide(b).norm()).item<double>();
}

TrainingPlan PlanOf(const std::string& network) {
  if (IsScratchNetwork(network)) return ScratchPlan(network, 64, {16});
  TrainingPlan plan = TransferPlan(std::max(64, (*FindBackbone(network))->min_image_size));
  plan.network = network;
  plan.unfreeze = "all";
  return plan;
}

// What a pass gives: the logits, and every gradient as one vector.
struct Pass {
  torch::Tensor logits;
  torch::Tensor gradients;
};

// Statistics of what passes through: without them next to nothing reaches a deep network's end.
void LearnStatistics(const TrainingPlan& plan, const torch::Tensor& images, Model& model) {
  const torch::NoGradGuard no_gradients;
  std::map<std::string, double> momentum;
  const std::string scope = IsScratchNetwork(plan.network) ? "body." : "backbone.";
  for (const GraphLayer& layer : model.body().graph().layers) {
    if (layer.kind == LayerKind::kBatchNorm) momentum[scope + layer.module] = layer.momentum;
  }
  model.train();
  model.BeginStep(StreamKey(9), 0);
  model.forward(images);
  for (const auto& [name, tensor] : model.StateDict()) {
    const auto found = momentum.find(name.substr(0, name.rfind('.')));
    const double m = found == momentum.end() ? kKerasBatchNorm.momentum : found->second;
    torch::Tensor running = tensor;
    if (name.ends_with("running_mean")) running.div_(m);
    if (name.ends_with("running_var")) running.sub_(1 - m).div_(m).clamp_min_(1e-4);
  }
}

torch::Tensor ImagesOf(const TrainingPlan& plan) {
  return RandomTensor({kRows, 3, plan.image_size, plan.image_size}, 7);
}

Pass RunOn(const TrainingPlan& plan, const torch::Device& device, torch::ScalarType type,
           bool training, torch::Tensor images) {
  const auto model = Build(plan, kClasses);
  if (!training) LearnStatistics(plan, images, *model);
  images = images.to(device, type);
  model->to(device, type);
  model->FrozenStateChanged();
  model->train(training);
  model->BeginStep(StreamKey(3), 0);
  Pass pass;
  {
    const Autocast autocast(plan.precision, device);
    pass.logits = model->forward(images);
  }
  if (!training) return pass;
  (pass.logits.to(type) * RandomTensor({kRows, kClasses}, 8).to(device, type)).sum().backward();
  std::vector<torch::Tensor> flat;
  for (const auto& [name, parameter] : model->TrainableParameters()) {
    flat.push_back(parameter.grad().reshape({-1}));
  }
  pass.gradients = torch::cat(flat);
  return pass;
}

Pass RunOn(const TrainingPlan& plan, const torch::Device& device, torch::ScalarType type,
           bool training) {
  return RunOn(plan, device, type, training, ImagesOf(plan));
}

// How far the exact gradients move when the images move by some ten roundings of float32. A ReLU
// or a maximum that tips over changes a gradient by far more than a rounding does (about the
// square root of the share that tips), and batch statistics of four rows multiply all of it.
double Sensitivity(const TrainingPlan& plan, const Pass& truth) {
  constexpr double kMove = 1e-6;
  const torch::Tensor images = ImagesOf(plan).to(torch::kFloat64);
  const torch::Tensor noise = RandomTensor(images.sizes().vec(), 11).to(torch::kFloat64);
  const Pass moved =
      RunOn(plan, torch::kCPU, torch::kFloat64, /*training=*/true, images * (1 + kMove * noise));
  return RelativeError(moved.gradients, truth.gradients);
}

class GpuNetworkTest : public ::testing::TestWithParam<std::string> {};

TEST_P(GpuNetworkTest, IsAsGoodAsTheCpu) {
  const Tf32Scope exact(false);
  at::globalContext().setDeterministicCuDNN(true);  // as the trainer does
  TrainingPlan plan = PlanOf(GetParam());
  for (const bool training : {false, true}) {
    SCOPED_TRACE(training ? "training" : "inference");
    const Pass truth = RunOn(plan, torch::kCPU, torch::kFloat64, training);
    const Pass cpu = RunOn(plan, torch::kCPU, torch::kFloat32, training);
    const Pass gpu = RunOn(plan, kGpu, torch::kFloat32, training);
    EXPECT_LT(RelativeError(gpu.logits, truth.logits),
              std::max(1e-4, 10 * RelativeError(cpu.logits, truth.logits)));
    if (!training) continue;
    const double sensitivity = Sensitivity(plan, truth);
    // No float32 has anything to say of gradients that ten roundings move by a tenth: InceptionV3's
    // last maps have one place at this size, so its batch statistics are those of four values.
    if (sensitivity > 0.1) continue;
    EXPECT_LT(
        RelativeError(gpu.gradients, truth.gradients),
        std::max({1e-4, 10 * RelativeError(cpu.gradients, truth.gradients), 3 * sensitivity}));
  }
}

TEST_P(GpuNetworkTest, LowPrecisionIsOnlyThat) {
  const Tf32Scope exact(false);
  TrainingPlan plan = PlanOf(GetParam());
  const Pass truth = RunOn(plan, torch::kCPU, torch::kFloat64, /*training=*/false);
  plan.precision = Precision::kBfloat16;
  // What bfloat16 costs a network of this depth.
  const double usual =
      RelativeError(RunOn(plan, torch::kCPU, torch::kFloat32, false).logits, truth.logits);
  for (const Precision precision : {Precision::kBfloat16, Precision::kFloat16}) {
    SCOPED_TRACE(std::string(ToText(precision)));
    plan.precision = precision;
    const double error =
        RelativeError(RunOn(plan, kGpu, torch::kFloat32, false).logits, truth.logits);
    EXPECT_LT(error, (precision == Precision::kFloat16 ? 1 : 3) * usual);
    EXPECT_GT(error, 1e-5) << "nothing was computed in it";
  }
}

// Of what is frozen whole, its batch norms folded: in float32 as good as the CPU's; in bfloat16 the
// folding costs no more than bfloat16 does without it. (How much that is, is the random weights'
// doing: their means are large beside what varies.)
TEST_P(GpuNetworkTest, FrozenFeaturesAreTheCpus) {
  if (IsScratchNetwork(GetParam())) GTEST_SKIP() << "scratch networks train whole";
  const Tf32Scope exact(false);
  const torch::NoGradGuard no_gradients;
  TrainingPlan plan = PlanOf(GetParam());
  const auto model = Build(plan, kClasses);
  const torch::Tensor images = ImagesOf(plan);
  LearnStatistics(plan, images, *model);
  model->eval();
  const auto features = [&](const torch::Device& device, torch::ScalarType type) {
    model->to(device, type);
    model->FrozenStateChanged();
    return model->FeatureMap(images.to(device, type)).cpu();
  };
  model->to(kGpu);
  const torch::Tensor plain = [&] {
    const Autocast autocast(Precision::kBfloat16, kGpu);
    return model->body().forward(images.to(kGpu)).cpu();
  }();
  ASSERT_TRUE(model->Freeze("none").ok());
  const torch::Tensor cpu = features(torch::kCPU, torch::kFloat32);
  const torch::Tensor gpu = features(kGpu, torch::kFloat32);
  const torch::Tensor low = [&] {
    const Autocast autocast(Precision::kBfloat16, kGpu);
    return features(kGpu, torch::kFloat32);
  }();
  const torch::Tensor truth = features(torch::kCPU, torch::kFloat64);
  EXPECT_LT(RelativeError(gpu, truth), std::max(1e-4, 10 * RelativeError(cpu, truth)));
  EXPECT_EQ(low.scalar_type(), torch::kFloat32) << "what crosses the cut is float32";
  EXPECT_LT(RelativeError(low, truth), std::max(0.02, 2 * RelativeError(plain, truth)));
}

INSTANTIATE_TEST_SUITE_P(Networks, GpuNetworkTest,
                         ::testing::Values("mobilenet_v2", "inception_v3", "resnet50", "vgg16",
                                           "densenet121", "efficientnet_v2_s", "xception",
                                           "inception_resnet_v2", "scratch_v1", "scratch_v2",
                                           "scratch_v3"),
                         [](const auto& info) { return info.param; });

TEST(GpuDropoutTest, MasksAreTheCpus) {
  Dropout dropout(0.4, "layer");
  dropout->train();
  dropout->SetStep({StreamKey(5), 3});
  const torch::Tensor x = RandomTensor({6, 4, 5, 7}, 1);
  EXPECT_TRUE(torch::equal(dropout(x.to(kGpu)).cpu(), dropout(x)));
  EXPECT_EQ(dropout(x.to(kGpu, torch::kBFloat16)).scalar_type(), torch::kBFloat16);
}

TEST(GpuBatchNormTest, SynchronisedStatisticsAreTheCpus) {
  for (const auto type : {torch::kFloat32, torch::kBFloat16}) {
    const torch::Tensor x = RandomTensor({6, 4, 5, 7}, 1).to(type);
    const auto run = [&](const torch::Device& device) {
      BatchNorm norm(4, kTorchvisionBatchNorm);
      norm->to(device);
      norm->SetReduction([](std::span<double> values) {
        for (double& value : values) value *= 2;  // another rank with the same rows
        return absl::OkStatus();
      });
      const torch::Tensor input = x.to(device).detach().requires_grad_(true);
      const torch::Tensor y = norm(input);
      EXPECT_EQ(y.scalar_type(), type);
      (y.to(torch::kFloat32) * RandomTensor({6, 4, 5, 7}, 2).to(device)).sum().backward();
      return std::vector<torch::Tensor>{y, input.grad(), norm->weight.grad(), norm->running_var};
    };
    const auto cpu = run(torch::kCPU), gpu = run(kGpu);
    for (size_t i = 0; i < cpu.size(); ++i) {
      EXPECT_LT(RelativeError(gpu[i], cpu[i]), type == torch::kFloat32 ? 1e-5 : 1e-2) << i;
    }
  }
}

}  // namespace
}  // namespace vizsla
