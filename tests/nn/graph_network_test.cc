// What every graph does as a module: rows that are none, rows that a branch skips, and batch norms
// below and above the cut.
#include "src/nn/graph_network.h"

#include <map>
#include <string>

#include "src/catalog/backbones.h"
#include "tests/nn/testing.h"

namespace vizsla {
namespace {

torch::Tensor NoImages(int64_t side) {
  return torch::zeros({0, 3, side, side}).contiguous(torch::MemoryFormat::ChannelsLast);
}

// As a rank without rows of the last batch: forward and backward, statistics from the others.
void ExpectTrainsOnNoRows(GraphNetwork& network, const torch::Tensor& input) {
  network.train();
  network.SetStep({StreamKey(1), 4});
  network.SetReduction([](std::span<double> values) {
    values.back() += 4;  // another rank's rows
    return absl::OkStatus();
  });
  const torch::Tensor output = network.Run({input});
  EXPECT_EQ(output.size(0), 0);
  EXPECT_EQ(output.size(1), network.graph().channels());
  output.sum().backward();
  for (const auto& item : network.named_parameters()) {
    ASSERT_TRUE(item.value().grad().defined()) << item.key();
    EXPECT_EQ(item.value().grad().abs().max().item<double>(), 0) << item.key();
  }
}

TEST(GraphNetworkTest, EveryBackboneWorksOnNoRows) {
  for (const BackboneInfo& info : Backbones()) {
    for (const Padding padding : {Padding::kSymmetric, Padding::kTfSame}) {
      SCOPED_TRACE(StrCat(info.name, " ", padding == Padding::kTfSame ? "tf_same" : "symmetric"));
      GraphNetwork network(info.graph, padding, "backbone");
      const torch::Tensor images = NoImages(info.min_image_size);
      const int64_t side = *info.graph.OutputSide(info.min_image_size);
      ExpectTrainsOnNoRows(network, images);
      EXPECT_EQ(network.Run({images}).sizes(),
                (std::vector<int64_t>{0, info.graph.channels(), side, side}));
      // Frozen below the last unfreeze point, and whole.
      network.Freeze(*info.FindCut(info.unfreeze_points.front().keras));
      EXPECT_EQ(network.forward(images).sizes(),
                (std::vector<int64_t>{0, info.graph.channels(), side, side}));
      network.Freeze(static_cast<int>(info.graph.layers.size()));
      EXPECT_EQ(network.RunFrozen(images).at(0).sizes(),
                (std::vector<int64_t>{0, info.graph.channels(), side, side}));
    }
  }
}

TEST(GraphNetworkTest, ScratchNetworksAndTheirDecodersWorkOnNoRows) {
  for (const char* name : {"scratch_v1", "scratch_v2", "scratch_v3"}) {
    SCOPED_TRACE(name);
    const ScratchOptions options = DefaultScratchOptions(name);
    GraphNetwork encoder(ScratchGraph(name, options), Padding::kSymmetric, "body");
    ExpectTrainsOnNoRows(encoder, NoImages(64));
    GraphNetwork decoder(ScratchDecoderGraph(name, options), Padding::kSymmetric, "decoder");
    const torch::Tensor map =
        torch::zeros({0, encoder.graph().channels(), 2, 2}).requires_grad_(true);
    ExpectTrainsOnNoRows(decoder, map);
    ASSERT_TRUE(map.grad().defined()) << "the encoder learns too";
    EXPECT_EQ(map.grad().sizes(), map.sizes());
    EXPECT_EQ(decoder.Run({map}).size(1), 3);
  }
}

// x + drop(conv(x)): a row has all of the branch, twice as strong, or nothing of it.
TEST(GraphNetworkTest, StochasticDepthSkipsABranchForWholeRows) {
  GraphBuilder g;
  const int branch =
      g.DropPath(g.Convolution(g.Input(), "conv", "conv", {.out = 3}), "drop_path", 0.5);
  GraphNetwork network(g.Finish(g.Sum(g.Input(), branch, "add")), Padding::kSymmetric, "body");
  network.InitializeGlorot(StreamKey(1));
  const torch::NoGradGuard no_gradients;
  const torch::Tensor x = RandomTensor({64, 3, 4, 4}, 2);
  network.eval();
  const torch::Tensor difference = network.forward(x) - x;
  ASSERT_GT(difference.abs().amax({1, 2, 3}).min().item<double>(), 1e-3);

  network.train();
  network.SetStep({StreamKey(8), 100});
  const torch::Tensor y = network.forward(x);
  const torch::Tensor kept = ((y - x).abs().amax({1, 2, 3}) > 1e-4).to(torch::kFloat32);
  EXPECT_LT(MaxDifference(y, x + 2 * difference * kept.view({-1, 1, 1, 1})), 1e-5);
  EXPECT_GT(kept.sum().item<double>(), 16);  // of 64: 32, and four deviations of 4
  EXPECT_LT(kept.sum().item<double>(), 48);

  // The mask is of the global batch: ranks take their rows of it.
  network.SetStep({StreamKey(8), 100 + 40});
  EXPECT_LT(MaxDifference(network.forward(x.slice(0, 40)), y.slice(0, 40)), 1e-5);
  network.SetStep({StreamKey(9), 100});
  EXPECT_GT(MaxDifference(network.forward(x), y), 1e-2) << "another step, another mask";
}

// Batch norms that know what passes through them: otherwise next to nothing reaches the end of a
// random network in inference mode.
void LearnStatistics(Model& model, const torch::Tensor& images) {
  const torch::NoGradGuard no_gradients;
  ASSERT_TRUE(model.Freeze("all").ok());
  model.train();
  model.BeginStep(StreamKey(0), 0);
  model.forward(images);
  const NamedTensors state = model.StateDict();
  for (const GraphLayer& layer : model.body().graph().layers) {
    if (layer.kind != LayerKind::kBatchNorm) continue;
    // The pass has moved them away from 0 and 1 by this share.
    const std::string name = "backbone." + layer.module;
    Named(state, name + ".running_mean").div_(layer.momentum);
    Named(state, name + ".running_var")
        .sub_(1 - layer.momentum)
        .div_(layer.momentum)
        .clamp_min_(1e-6);
  }
  model.FrozenStateChanged();
}

struct Cut {
  const char* network;
  int image_size;
  const char* unfreeze;
};

class BatchNormCutTest : public ::testing::TestWithParam<Cut> {};

TEST_P(BatchNormCutTest, FrozenOnesInferAndTheOthersLearn) {
  TrainingPlan plan = TransferPlan(GetParam().image_size);
  plan.network = GetParam().network;
  plan.unfreeze = GetParam().unfreeze;
  plan.dense = {8};
  plan.dropout_hidden = plan.dropout = 0;
  const auto model = Build(plan);
  const torch::Tensor images = RandomTensor({6, 3, plan.image_size, plan.image_size}, 4);
  const torch::Tensor few = images.slice(0, 0, 3);
  LearnStatistics(*model, images);
  ASSERT_TRUE(model->Freeze(plan.unfreeze).ok());
  model->train();

  // Below the cut a row does not see the others; above it, it does.
  const std::vector<torch::Tensor> whole = model->FrozenPart(images);
  const std::vector<torch::Tensor> part = model->FrozenPart(few);
  for (size_t i = 0; i < whole.size(); ++i) {
    EXPECT_LT(MaxDifference(whole[i].slice(0, 0, 3), part[i]),
              1e-3 * (1 + whole[i].abs().max().item<double>()));
    EXPECT_GT(MaxDifference(whole[i][0], whole[i][1]), 1e-2) << "photos matter";
  }
  std::map<std::string, torch::Tensor> before;
  for (const auto& [name, tensor] : model->StateDict()) before[name] = tensor.detach().clone();
  model->BeginStep(StreamKey(3), 0);
  {
    const torch::NoGradGuard no_gradients;
    EXPECT_GT(MaxDifference(model->body().Run(whole).slice(0, 0, 3), model->body().Run(part)),
              1e-2);
  }

  // A step of gradient descent.
  model->forward(images).square().sum().backward();
  {
    const torch::NoGradGuard no_gradients;
    for (const auto& [name, parameter] : model->TrainableParameters()) {
      ASSERT_TRUE(parameter.grad().defined()) << name;
      parameter.sub_(parameter.grad());
    }
  }
  const NetworkGraph& graph = model->body().graph();
  const int cut = *model->backbone()->FindCut(plan.unfreeze);
  const NamedTensors state = model->StateDict();
  int frozen = 0, trained = 0;
  for (size_t i = 0; i < graph.layers.size(); ++i) {
    if (graph.layers[i].kind != LayerKind::kBatchNorm) continue;
    const bool trains = static_cast<int>(i) >= cut;
    ++(trains ? trained : frozen);
    const auto moved = [&](const char* tensor) {
      const std::string name = StrCat("backbone.", graph.layers[i].module, ".", tensor);
      return MaxDifference(Named(state, name), before.at(name)) > 0;
    };
    for (const char* tensor : {"weight", "running_mean", "running_var"}) {
      EXPECT_EQ(moved(tensor), trains) << graph.layers[i].name << " " << tensor;
    }
    // Above the cut the next batch norm may take a bias away again, which then has no gradient.
    EXPECT_FALSE(!trains && moved("bias")) << graph.layers[i].name;
  }
  EXPECT_GT(frozen, 10);
  EXPECT_GT(trained, 2);
  const std::vector<torch::Tensor> later = model->FrozenPart(images);
  for (size_t i = 0; i < whole.size(); ++i) EXPECT_EQ(MaxDifference(later[i], whole[i]), 0);
}

INSTANTIATE_TEST_SUITE_P(, BatchNormCutTest,
                         ::testing::Values(Cut{"mobilenet_v2", 64, "block_16_expand"},
                                           Cut{"inception_v3", 107, "mixed9"},
                                           Cut{"densenet121", 64, "conv5_block8_1_conv"}),
                         [](const auto& info) { return std::string(info.param.network); });

}  // namespace
}  // namespace vizsla
