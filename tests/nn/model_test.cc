// Networks, heads, unfreezing, state and initialisation.
#include <cmath>
#include <map>
#include <set>
#include <string>

#include "src/catalog/backbones.h"
#include "tests/nn/testing.h"

namespace vizsla {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr float kFirstDenseWeight = 0.049031347f;
constexpr float kSixthConvolutionWeight = -0.11942711f;

std::map<std::string, torch::Tensor> Copies(const NamedTensors& tensors) {
  std::map<std::string, torch::Tensor> copies;
  for (const auto& [name, tensor] : tensors) copies.emplace(name, tensor.detach().clone());
  return copies;
}

int64_t CountParameters(const Model& model) {
  int64_t count = 0;
  for (const auto& [name, tensor] : model.TrainableParameters()) count += tensor.numel();
  return count;
}

// "features.N" of a backbone's name; -1 for the head.
int LayerOf(const std::string& name) {
  const std::string prefix = "backbone.features.";
  return name.starts_with(prefix) ? std::stoi(name.substr(prefix.size())) : -1;
}

struct Expectation {
  std::string name;
  int first_layer;  // torchvision's features.N
  int parameters;   // tensors of the backbone that train
};

std::vector<Expectation> UnfreezePoints() {
  // features.18 has 3 tensors, an inverted residual 9, features.1 six, features.0 three.
  std::vector<Expectation> points{{"none", 19, 0}, {"all", 0, 3 + 6 + 16 * 9 + 3}};
  for (int block = 16; block >= 1; --block) {
    points.push_back(
        {"block_" + std::to_string(block) + "_expand", block + 1, 3 + 9 * (17 - block)});
  }
  return points;
}

TEST(ModelTest, UnfreezePointsTrainWhatTheyName) {
  const torch::Tensor images = RandomTensor({4, 3, 32, 32}, 7);
  for (const Expectation& point : UnfreezePoints()) {
    SCOPED_TRACE(point.name);
    TrainingPlan plan = TransferPlan(32);
    plan.unfreeze = point.name;
    const auto model = Build(plan);
    model->train();

    int backbone = 0;
    std::set<std::string> trainable;
    for (const auto& [name, tensor] : model->TrainableParameters()) {
      trainable.insert(name);
      if (LayerOf(name) < 0) continue;
      EXPECT_GE(LayerOf(name), point.first_layer) << name;
      ++backbone;
    }
    EXPECT_EQ(backbone, point.parameters);
    EXPECT_EQ(trainable.count("head.output.weight"), 1u);

    const auto before = Copies(model->StateDict());
    model->BeginStep(StreamKey(3), 0);
    model->forward(images).square().sum().backward();
    std::set<std::string> trained;
    for (const auto& [name, tensor] : model->TrainedState()) trained.insert(name);
    for (const auto& [name, tensor] : model->StateDict()) {
      const int layer = LayerOf(name);
      const bool trains = layer < 0 || layer >= point.first_layer;
      EXPECT_EQ(trained.count(name), trains ? 1u : 0u) << name;
      if (!trainable.count(name)) {
        EXPECT_FALSE(tensor.requires_grad()) << name;
        EXPECT_FALSE(tensor.grad().defined()) << name;
      } else {
        EXPECT_TRUE(tensor.grad().defined()) << name;
      }
      const bool statistic = name.ends_with("running_mean") || name.ends_with("running_var") ||
                             name.ends_with("num_batches_tracked");
      const bool moved = MaxDifference(tensor, before.at(name)) > 0;
      EXPECT_EQ(moved, statistic && trains) << name;
    }
    EXPECT_EQ(model->TrainedState().size() + model->FrozenState().size(),
              model->StateDict().size());
  }
}

// `submit` compares files with the catalog's list, without LibTorch.
TEST(ModelTest, TheCatalogListsTheBackbonesTensors) {
  std::map<std::string, std::vector<int64_t>> listed, built;
  for (const NamedShape& tensor : (*FindBackbone("mobilenet_v2"))->tensors) {
    listed["backbone." + tensor.name] = tensor.shape;
  }
  for (const auto& [name, tensor] : Build(TransferPlan(32))->StateDict()) {
    if (name.starts_with("backbone.")) built[name] = tensor.sizes().vec();
  }
  EXPECT_EQ(listed, built);
}

TEST(ModelTest, FrozenPartIsNotDifferentiated) {
  TrainingPlan plan = TransferPlan(32);
  plan.unfreeze = "block_14_expand";
  const auto model = Build(plan);
  const torch::Tensor images = RandomTensor({2, 3, 32, 32}, 1).requires_grad_(true);
  const std::vector<torch::Tensor> cut = model->FrozenPart(images);
  ASSERT_EQ(cut.size(), 1u);
  EXPECT_FALSE(cut[0].requires_grad());
  EXPECT_EQ(cut[0].sizes(), (std::vector<int64_t>{2, 160, 1, 1}));
  model->eval();
  const torch::NoGradGuard no_gradients;
  EXPECT_EQ(MaxDifference(model->TrainedPart(cut), model->forward(images)), 0);
}

TEST(ModelTest, UnknownUnfreezePoints) {
  const auto model = Build(TransferPlan(32));
  for (const char* name : {"", "block_0_expand", "block_17_expand", "block_01_expand", "mixed9"}) {
    const absl::Status status = model->Freeze(name);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(std::string("\"") + name + "\""),
                                                     HasSubstr("a layer of mobilenet_v2")));
  }
  EXPECT_FALSE(Build(ScratchPlan("scratch_v2", 8, {}))->Freeze("none").ok());
}

TEST(ModelTest, ImpossiblePlans) {
  const auto refusal = [](const TrainingPlan& plan, int classes) {
    const auto model = BuildModel(plan, Padding::kSymmetric, classes, StreamKey(1));
    EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(model.status().message());
  };
  TrainingPlan plan = TransferPlan(32);
  EXPECT_THAT(refusal(plan, 0), HasSubstr("0 classes"));
  plan.dropout = 1;
  EXPECT_THAT(refusal(plan, 3), HasSubstr("dropout"));
  plan = TransferPlan(32);
  plan.dense = {0};
  EXPECT_THAT(refusal(plan, 3), HasSubstr("dense"));
  plan = TransferPlan(32);
  plan.unfreeze = "block_99_expand";
  EXPECT_THAT(refusal(plan, 3), HasSubstr("block_99_expand"));
  plan = TransferPlan(0);
  EXPECT_THAT(refusal(plan, 3), HasSubstr("image_size"));
}

TEST(ModelTest, PoolingVariants) {
  const torch::Tensor images = RandomTensor({2, 3, 70, 70}, 2);  // a 3 x 3 map
  const struct {
    Pooling pooling;
    int64_t features;
  } kVariants[] = {{Pooling::kAverage, 1280}, {Pooling::kMax, 1280}, {Pooling::kFlatten, 9 * 1280}};
  for (const auto& variant : kVariants) {
    TrainingPlan plan = TransferPlan(70);
    plan.pooling = variant.pooling;
    const auto model = Build(plan, 7);
    EXPECT_EQ(PooledFeatureCount(plan), variant.features);
    EXPECT_EQ(model->feature_count(), variant.features);
    const auto state = model->StateDict();
    EXPECT_EQ(Named(state, "head.dense1.weight").sizes(),
              (std::vector<int64_t>{16, variant.features}));
    EXPECT_EQ(Named(state, "head.dense2.weight").sizes(), (std::vector<int64_t>{8, 16}));
    EXPECT_EQ(Named(state, "head.norm.running_var").sizes(), (std::vector<int64_t>{8}));
    EXPECT_EQ(Named(state, "head.output.weight").sizes(), (std::vector<int64_t>{7, 8}));
    model->eval();
    const torch::NoGradGuard no_gradients;
    ASSERT_TRUE(model->Freeze("none").ok());
    const torch::Tensor map = model->FeatureMap(images);
    EXPECT_EQ(map.sizes(), (std::vector<int64_t>{2, 1280, 3, 3}));
    const torch::Tensor pooled = model->Pool(map);
    EXPECT_EQ(pooled.sizes(), (std::vector<int64_t>{2, variant.features}));
    EXPECT_EQ(MaxDifference(model->RunHead(pooled), model->forward(images)), 0);
  }
  // Definitions, on a map of known numbers: image 0, channel c, row r, column w is 100 c + 10 r +
  // w.
  torch::Tensor map = torch::zeros({1, 2, 2, 3});
  for (int c = 0; c < 2; ++c) {
    for (int r = 0; r < 2; ++r) {
      for (int w = 0; w < 3; ++w) map[0][c][r][w] = 100 * c + 10 * r + w;
    }
  }
  EXPECT_EQ(MaxDifference(PoolMap(map, Pooling::kAverage), torch::tensor({{6.0f, 106.0f}})), 0);
  EXPECT_EQ(MaxDifference(PoolMap(map, Pooling::kMax), torch::tensor({{12.0f, 112.0f}})), 0);
  const torch::Tensor flat = torch::tensor({{0, 100, 1, 101, 2, 102, 10, 110, 11, 111, 12, 112}});
  EXPECT_EQ(MaxDifference(PoolMap(map, Pooling::kFlatten), flat), 0);
  EXPECT_EQ(
      MaxDifference(PoolMap(map.contiguous(torch::MemoryFormat::ChannelsLast), Pooling::kFlatten),
                    flat),
      0);
}

TEST(ModelTest, HeadWithoutDenseLayers) {
  TrainingPlan plan = TransferPlan(32);
  plan.dense = {};
  auto model = Build(plan, 3);
  EXPECT_EQ(Named(model->StateDict(), "head.norm.weight").numel(), 1280);  // after pooling
  EXPECT_EQ(Named(model->StateDict(), "head.output.weight").sizes(),
            (std::vector<int64_t>{3, 1280}));
  plan.batch_norm = false;
  model = Build(plan, 3);
  EXPECT_EQ(model->TrainedState().size(), 2u);  // the linear head: weight and bias
}

// The head by hand: ReLU after each dense layer, dropout between them, batch norm, dropout, output.
TEST(ModelTest, HeadOrder) {
  const auto model = Build(TransferPlan(32), 3);
  const auto state = model->StateDict();
  const torch::Tensor x = RandomTensor({6, 1280}, 9);
  const StreamKey step(77);
  const auto mask = [&](const std::string& layer, int64_t size) {
    torch::Tensor values = torch::empty({6, size});
    DrawDropoutMask(step.With("dropout").With(layer), 10, size, 0.5,
                    {values.data_ptr<float>(), static_cast<size_t>(values.numel())});
    return values;
  };
  const auto dense = [&](const std::string& name, const torch::Tensor& input) {
    return torch::linear(input, Named(state, "head." + name + ".weight"),
                         Named(state, "head." + name + ".bias"));
  };
  const torch::NoGradGuard no_gradients;
  torch::Tensor y = torch::relu(dense("dense1", x)) * mask("head.dropout1", 16);
  y = torch::relu(dense("dense2", y));
  y = (y - y.mean(0)) / torch::sqrt((y - y.mean(0)).square().mean(0) + 1e-3);
  y = dense("output", y * mask("head.dropout", 8));
  model->train();
  model->BeginStep(step, 10);
  EXPECT_LT(MaxDifference(model->RunHead(x), y), 1e-5);
}

TEST(ModelTest, ScratchNetworks) {
  struct Expected {
    std::string network;
    std::vector<int64_t> dense;
  };
  for (const Expected& expected :
       {Expected{"scratch_v1", {512, 256}}, Expected{"scratch_v2", {128, 128}}}) {
    const auto model = Build(ScratchPlan(expected.network, 160, expected.dense), 120);
    const auto state = model->StateDict();
    EXPECT_EQ(Named(state, "body.conv1.weight").sizes(), (std::vector<int64_t>{32, 3, 5, 5}));
    EXPECT_EQ(Named(state, "body.conv2.weight").sizes(), (std::vector<int64_t>{32, 32, 3, 3}));
    EXPECT_EQ(Named(state, "body.conv3.weight").sizes(), (std::vector<int64_t>{64, 32, 5, 5}));
    EXPECT_EQ(Named(state, "body.conv4.weight").sizes(), (std::vector<int64_t>{64, 64, 3, 3}));
    // 160 -> 80 -> 40: 40 x 40 x 64 values.
    const int64_t d1 = expected.dense[0], d2 = expected.dense[1];
    EXPECT_EQ(Named(state, "head.dense1.weight").sizes(), (std::vector<int64_t>{d1, 102400}));
    // Weights and biases by hand: convolutions, two batch norms, dense layers, batch norm, output.
    const int64_t convolutions = (75 + 1) * 32 + (288 + 1) * 32 + (800 + 1) * 64 + (576 + 1) * 64;
    const int64_t head = (102400 + 1) * d1 + (d1 + 1) * d2 + 2 * d2 + (d2 + 1) * 120;
    EXPECT_EQ(CountParameters(*model), convolutions + 2 * 32 + 2 * 64 + head);
    EXPECT_EQ(model->TrainedState().size(), state.size());
    EXPECT_EQ(model->backbone(), nullptr);
  }
}

TEST(ModelTest, ScratchForwardAndBackward) {
  for (const char* network : {"scratch_v1", "scratch_v2", "scratch_v3"}) {
    // 22 -> 11 -> 5: odd sizes lose their last row; of scratch_v3 70 -> 17 -> 4 -> 1.
    const int size = std::string(network) == "scratch_v3" ? 70 : 22;
    TrainingPlan plan = ScratchPlan(network, size, {128, 128});
    plan.dropout_hidden = 0.5;
    const auto model = Build(plan, 4);
    model->train();
    model->BeginStep(StreamKey(5), 0);
    const torch::Tensor logits = model->forward(RandomTensor({3, 3, size, size}, 4));
    EXPECT_EQ(logits.sizes(), (std::vector<int64_t>{3, 4}));
    logits.square().sum().backward();
    for (const auto& [name, tensor] : model->TrainableParameters()) {
      ASSERT_TRUE(tensor.grad().defined()) << name;
      EXPECT_TRUE(tensor.grad().isfinite().all().item<bool>()) << name;
    }
  }
}

TEST(ModelTest, InitialisationIsAFunctionOfItsKey) {
  TrainingPlan plan = TransferPlan(32);
  const auto a = Build(plan, 5, 1), b = Build(plan, 5, 1), c = Build(plan, 5, 2);
  torch::manual_seed(99);
  int differing = 0;
  const auto states = std::make_tuple(a->StateDict(), b->StateDict(), c->StateDict());
  for (size_t i = 0; i < std::get<0>(states).size(); ++i) {
    EXPECT_EQ(std::get<0>(states)[i].first, std::get<1>(states)[i].first);
    EXPECT_EQ(MaxDifference(std::get<0>(states)[i].second, std::get<1>(states)[i].second), 0);
    differing += MaxDifference(std::get<0>(states)[i].second, std::get<2>(states)[i].second) > 0;
  }
  EXPECT_EQ(differing, 52 + 3);  // all convolutions and the head's three kernels
  const auto state = a->StateDict();
  // torchvision: normal, variance 2 / fan_out. 1280 x 320 numbers: the deviation within 1 %.
  const torch::Tensor last = Named(state, "backbone.features.18.0.weight");
  EXPECT_NEAR(last.std().item<double>() / std::sqrt(2.0 / 1280), 1, 0.01);
  EXPECT_NEAR(last.mean().item<double>(), 0, 3e-4);
  // Keras: uniform within sqrt(6 / (in + out)), biases zero.
  const torch::Tensor dense = Named(state, "head.dense1.weight");
  const double limit = std::sqrt(6.0 / (1280 + 16));
  EXPECT_LE(dense.abs().max().item<double>(), limit * 1.000001);
  EXPECT_NEAR(dense.std().item<double>() / (limit / std::sqrt(3.0)), 1, 0.02);
  EXPECT_EQ(Named(state, "head.dense1.bias").abs().max().item<double>(), 0);
  // The same numbers for ever: streams are versionless.
  EXPECT_FLOAT_EQ(dense[0][0].item<float>(), kFirstDenseWeight);
  EXPECT_FLOAT_EQ(Named(state, "backbone.features.0.0.weight").flatten()[5].item<float>(),
                  kSixthConvolutionWeight);
}

TEST(ModelTest, UnfrozenBatchNormsKeepTheirStatisticsWhenThePlanSaysSo) {
  for (const bool learns : {true, false}) {
    TrainingPlan plan = TransferPlan(32);
    plan.unfreeze = "block_16_expand";
    plan.batch_norm = true;
    plan.learns_backbone_statistics = learns;
    const auto model = Build(plan, 5, 1);
    const auto clone_of = [&](const char* name) { return Named(model->StateDict(), name).clone(); };
    const torch::Tensor backbone = clone_of("backbone.features.18.1.running_mean");
    const torch::Tensor head = clone_of("head.norm.running_mean");
    model->train();
    model->BeginStep(StreamKey(1), 0);
    model->forward(RandomTensor({4, 3, 32, 32}, 3));
    const auto moved = [&](const char* name, const torch::Tensor& before) {
      return MaxDifference(Named(model->StateDict(), name), before) > 0;
    };
    EXPECT_EQ(moved("backbone.features.18.1.running_mean", backbone), learns);
    EXPECT_TRUE(moved("head.norm.running_mean", head));
    bool trains_scale = false;
    for (const auto& [name, tensor] : model->TrainableParameters()) {
      trains_scale = trains_scale || name == "backbone.features.18.1.weight";
    }
    EXPECT_TRUE(trains_scale);
  }
}

TEST(ModelTest, StateRoundTripThroughAFile) {
  TrainingPlan plan = TransferPlan(32);
  plan.unfreeze = "block_16_expand";
  const auto a = Build(plan, 5, 1), b = Build(plan, 5, 2);
  a->train();
  a->BeginStep(StreamKey(1), 0);
  a->forward(RandomTensor({4, 3, 32, 32}, 3));  // moves statistics
  const TensorViews all = ToViews(a->StateDict());
  const std::string bytes = SerializeSafetensors(all.views, {});
  const TemporaryDirectory folder = *TemporaryDirectory::Create("state");
  const std::string path = folder.path() + "/model.safetensors";
  ASSERT_TRUE(WriteFileAtomically(path, bytes).ok());
  const auto file = TensorFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();

  const torch::Tensor images = RandomTensor({2, 3, 32, 32}, 8);
  const torch::NoGradGuard no_gradients;
  a->eval();
  b->eval();
  b->forward(images);  // folds b's own weights first
  const absl::Status loaded = b->LoadState((*file)->tensors(), path);
  ASSERT_TRUE(loaded.ok()) << loaded;
  EXPECT_EQ(MaxDifference(a->forward(images), b->forward(images)), 0);

  // The trained part alone, onto the same frozen weights.
  const TensorViews trained = ToViews(a->TrainedState());
  EXPECT_LT(trained.views.size(), all.views.size());
  const auto c = Build(plan, 5, 1);
  for (auto& parameter : c->TrainableParameters()) parameter.second.zero_();
  c->eval();
  ASSERT_TRUE(c->LoadTrainedState(trained.views, "checkpoint").ok());
  EXPECT_EQ(MaxDifference(a->forward(images), c->forward(images)), 0);

  const absl::Status mismatch = b->LoadState(trained.views, "best.safetensors");
  EXPECT_EQ(mismatch.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(mismatch.message()),
              AllOf(HasSubstr("best.safetensors: missing: backbone.features.0.0.weight"),
                    HasSubstr(" more")));
  plan.dense = {16, 9};
  const absl::Status shapes = Build(plan, 5)->LoadState(all.views, "x");
  EXPECT_THAT(
      std::string(shapes.message()),
      AllOf(HasSubstr("wrong-shaped: "), HasSubstr("head.dense2.weight ([8, 16], not [9, 16])")));
}

TEST(ModelTest, BatchesWithoutRows) {
  for (const char* unfreeze : {"none", "block_15_expand"}) {
    TrainingPlan plan = TransferPlan(32);
    plan.unfreeze = unfreeze;
    const auto model = Build(plan);
    model->train();
    model->SetBatchNormReduction([](std::span<double> values) {
      values.back() += 4;  // another rank's rows
      return absl::OkStatus();
    });
    model->BeginStep(StreamKey(1), 4);
    const torch::Tensor logits = model->forward(torch::zeros({0, 3, 32, 32}));
    EXPECT_EQ(logits.sizes(), (std::vector<int64_t>{0, 5}));
    logits.sum().backward();
    for (const auto& [name, tensor] : model->TrainableParameters()) {
      ASSERT_TRUE(tensor.grad().defined()) << name;
      EXPECT_EQ(tensor.grad().abs().max().item<double>(), 0) << name;
    }
  }
}

}  // namespace
}  // namespace vizsla
