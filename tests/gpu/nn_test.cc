// The networks on a GPU against float64 on the CPU: a GPU's float32 is allowed what the CPU's
// float32 is off by, give or take, and lower precision what it costs the CPU.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "src/nn/autocast.h"
#include "src/nn/graph_network.h"
#include "tests/gpu/testing.h"

namespace vizsla {
namespace {

constexpr int kClasses = 5;
constexpr int64_t kRows = 4;

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

// A change of the question: images and weights, each number times 1 + size x a normal one.
struct Move {
  double size = 0;
  uint64_t seed = 0;
};

void Apply(const Move& move, const torch::Tensor& x, uint64_t index) {
  if (move.size == 0) return;
  const torch::NoGradGuard no_gradients;
  const torch::Tensor noise = RandomTensor(x.sizes().vec(), 1000 * move.seed + index);
  torch::Tensor(x).mul_(1 + move.size * noise.to(x.device(), x.scalar_type()));
}

Pass RunOn(const TrainingPlan& plan, const torch::Device& device, torch::ScalarType type,
           bool training, const Move& move = {}) {
  const auto model = Build(plan, kClasses);
  torch::Tensor images = ImagesOf(plan);
  if (!training) LearnStatistics(plan, images, *model);
  images = images.to(device, type);
  model->to(device, type);
  Apply(move, images, 0);
  uint64_t index = 0;
  for (const auto& [name, parameter] : model->TrainableParameters()) {
    Apply(move, parameter, ++index);
  }
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

// How far the exact gradients may move when the question moves by some fifty roundings of float32.
// They jump: a ReLU or a maximum that tips over in one place of scratch_v2 is 1.4e-3 of the
// gradient, whatever tipped it, and everything else 1e-5; of 16 moves by 1e-6 five tip something
// over. Hence the largest of several. What the kernels themselves are worth, GpuLayerTest says.
double Sensitivity(const TrainingPlan& plan, const Pass& truth) {
  double largest = 0;
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    const Pass moved = RunOn(plan, torch::kCPU, torch::kFloat64, /*training=*/true, {3e-6, seed});
    largest = std::max(largest, RelativeError(moved.gradients, truth.gradients));
  }
  return largest;
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
    const double error = RelativeError(gpu.gradients, truth.gradients);
    if (error < std::max(1e-4, 10 * RelativeError(cpu.gradients, truth.gradients))) continue;
    const double sensitivity = Sensitivity(plan, truth);
    // No float32 has anything to say of gradients that fifty roundings turn round: InceptionV3's
    // last maps have one place at this size, so its batch statistics are those of four values.
    if (sensitivity < 0.3) {
      EXPECT_LT(error, 2 * sensitivity);
    }
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

}  // namespace
}  // namespace vizsla
