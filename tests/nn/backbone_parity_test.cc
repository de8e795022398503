// Every backbone against the implementation whose names and weights it takes: backbone_reference.py
// runs torchvision's with Debian's Python. timm is not in Debian, so what timm's two networks
// compute is recorded in timm_*.pth, and their weights are made from the script's formula. With
// VIZSLA_REFERENCE_PYTHON, a command that runs a Python with torch, torchvision and timm, all eight
// are run by that one instead.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "src/nn/graph_network.h"
#include "src/nn/weights_import.h"
#include "tests/nn/testing.h"

namespace vizsla {
namespace {

constexpr int kClasses = 10;

struct Network {
  std::string name;
  int image_size;
  std::string classifier;             // its linear layer
  std::vector<std::string> unfreeze;  // places to cut besides "none" and "all"
};

void PrintTo(const Network& network, std::ostream* out) { *out << network.name; }

bool IsTimms(const Network& network) {
  return (*FindBackbone(network.name))->published_by == "timm";
}

// ---- The formula of backbone_reference.py.

torch::Tensor Uniform(const std::string& name, const std::vector<int64_t>& shape) {
  uint64_t seed = 0xcbf29ce484222325;
  for (const char c : name) seed = (seed ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  torch::Tensor u = torch::empty(shape, torch::kFloat64);
  double* values = u.data_ptr<double>();
  for (int64_t i = 0; i < u.numel(); ++i) {
    uint64_t x = seed + 0x9e3779b97f4a7c15 * static_cast<uint64_t>(i + 1);
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    x ^= x >> 31;
    values[i] = static_cast<double>(x >> 40) / (1 << 23) - 1;
  }
  return u;
}

torch::Tensor Value(const std::string& name, const std::vector<int64_t>& shape, double gain) {
  if (name.ends_with("num_batches_tracked")) return torch::tensor(int64_t{0});
  torch::Tensor u = Uniform(name, shape);
  if (shape.size() == 4) {
    u *= gain * std::sqrt(6.0 / static_cast<double>(shape[1] * shape[2] * shape[3]));
  } else if (shape.size() == 2) {
    u *= std::sqrt(3.0 / static_cast<double>(shape[1]));
  } else if (name.ends_with(".running_var") || name.ends_with(".weight")) {
    u = 1 + 0.3 * u;
  } else {
    u *= 0.1;
  }
  return u.to(torch::kFloat32);
}

torch::Tensor Images(int size) {
  return (1.7 * Uniform("images", {2, 3, size, size})).to(torch::kFloat32);
}

// A row for each tensor, by name: its norm and four of its values.
torch::Tensor Summary(const std::map<std::string, torch::Tensor>& tensors) {
  std::vector<torch::Tensor> rows;
  for (const auto& [name, tensor] : tensors) {
    const torch::Tensor flat = tensor.detach().to(torch::kFloat64).contiguous().flatten();
    const int64_t n = flat.numel();
    rows.push_back(torch::cat(
        {flat.norm().view({1}),
         flat.index_select(0, torch::tensor(std::vector<int64_t>{0, n / 3, 2 * n / 3, n - 1}))}));
  }
  return torch::stack(rows);
}

void ExpectRows(const std::map<std::string, torch::Tensor>& tensors,
                const torch::Tensor& expected) {
  const torch::Tensor rows = Summary(tensors);
  ASSERT_EQ(rows.sizes(), expected.sizes());
  int64_t row = 0;
  for (const auto& [name, tensor] : tensors) {
    // Some are zero but for rounding: of biases that a batch norm takes away again.
    EXPECT_LT(MaxDifference(rows[row], expected[row]),
              1e-6 * expected[row][0].item<double>() + 1e-9)
        << name;
    ++row;
  }
}

// ---- The reference's files.

class Reference {
 public:
  // Null when there is no Python for it; the test is then skipped.
  static std::shared_ptr<const Reference> Of(const Network& network) {
    static const TemporaryDirectory* const folder =
        new TemporaryDirectory(*TemporaryDirectory::Create("backbones"));
    auto reference = std::make_shared<Reference>();
    const std::string base = folder->path() + "/" + network.name;
    reference->weights_path_ = base + ".weights";
    std::string expected_path = base + ".expected";
    const bool recorded = IsTimms(network) && !HasOwnReferencePython();
    if (recorded) {
      expected_path = VIZSLA_SOURCE_DIR "/tests/nn/timm_" + network.name + ".pth";
    } else if (!std::filesystem::exists(expected_path)) {
      const std::string command =
          StrCat(ReferencePython(), " " VIZSLA_SOURCE_DIR "/tests/nn/backbone_reference.py ",
                 network.name, " ", expected_path, " ", reference->weights_path_);
      if (RunPythonCommand(command, base + ".log") != PythonOutcome::kDone) return nullptr;
    }
    reference->expected_ = OpenOrFail(expected_path);
    if (reference->expected_ == nullptr) return nullptr;
    const bool has_weights = std::filesystem::exists(reference->weights_path_);
    if (recorded && !has_weights) reference->WriteFormulaWeights();
    reference->weights_ = OpenOrFail(reference->weights_path_);
    return reference->weights_ == nullptr ? nullptr : reference;
  }

  torch::Tensor Expected(const std::string& name) const { return Get(*expected_, name); }
  torch::Tensor Weight(const std::string& name) const { return Get(*weights_, name); }
  const TensorFile& weights() const { return *weights_; }
  const std::string& weights_path() const { return weights_path_; }

 private:
  static std::shared_ptr<const TensorFile> OpenOrFail(const std::string& path) {
    auto file = TensorFile::Open(path);
    EXPECT_TRUE(file.ok()) << file.status();
    return file.ok() ? *file : nullptr;
  }

  static torch::Tensor Get(const TensorFile& file, const std::string& name) {
    const auto found = file.tensors().find(name);
    if (found == file.tensors().end()) {
      ADD_FAILURE() << "no tensor " << name;
      return torch::zeros({});
    }
    return ToTensor(found->second).clone();
  }

  // The recorded network's whole state dict, its classifier too.
  void WriteFormulaWeights() const {
    const torch::Tensor text = Expected("tensors");
    std::istringstream lines(std::string(reinterpret_cast<const char*>(text.data_ptr<uint8_t>()),
                                         static_cast<size_t>(text.numel())));
    const double gain = Expected("gain").item<double>();
    NamedTensors tensors;
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string name;
      words >> name;
      std::vector<int64_t> shape;
      for (int64_t size = 0; words >> size;) shape.push_back(size);
      tensors.emplace_back(name, Value(name, shape, gain));
    }
    EXPECT_TRUE(
        WriteFileAtomically(weights_path_, SerializeSafetensors(ToViews(tensors).views, {})).ok());
  }

  std::string weights_path_;
  std::shared_ptr<const TensorFile> weights_;
  std::shared_ptr<const TensorFile> expected_;
};

class BackboneParityTest : public ::testing::TestWithParam<Network> {
 protected:
  void SetUp() override {
    reference_ = Reference::Of(GetParam());
    if (HasFailure()) return;
    if (reference_ == nullptr) {
      GTEST_SKIP() << "needs Debian's python3-torch and python3-torchvision";
    }
  }

  torch::Tensor Expected(const std::string& name) const { return reference_->Expected(name); }
  torch::Tensor ClassifierWeight() const {
    return reference_->Weight(GetParam().classifier + ".weight");
  }
  torch::Tensor ClassifierBias() const {
    return reference_->Weight(GetParam().classifier + ".bias");
  }

  // A model whose head is the reference's classifier, with the reference's weights.
  std::shared_ptr<Model> Load(Padding padding) const {
    TrainingPlan plan = TransferPlan(GetParam().image_size);
    plan.network = GetParam().name;
    plan.initial_weights = InitialWeights::kPretrained;
    plan.dense = {};
    plan.batch_norm = false;
    plan.dropout = 0;
    const auto model = Build(plan, kClasses, 1, padding);
    const absl::Status status =
        ImportBackbone(reference_->weights(), reference_->weights_path(), *model);
    EXPECT_TRUE(status.ok()) << status;
    const torch::NoGradGuard no_gradients;
    Named(model->StateDict(), "head.output.weight").copy_(ClassifierWeight());
    Named(model->StateDict(), "head.output.bias").copy_(ClassifierBias());
    return model;
  }

  std::shared_ptr<const Reference> reference_;
};

TEST_P(BackboneParityTest, Inference) {
  const torch::NoGradGuard no_gradients;
  const torch::Tensor images = Images(GetParam().image_size);
  for (const Padding padding : {Padding::kSymmetric, Padding::kTfSame}) {
    const std::string style(padding == Padding::kSymmetric ? "symmetric" : "tf_same");
    SCOPED_TRACE(style);
    const torch::Tensor logits = Expected(style + ".logits");
    ASSERT_GT((logits[0] - logits[1]).abs().max().item<double>(), 1e-2);  // images matter
    const auto model = Load(padding);
    // Frozen whole, whatever train() says.
    model->train();
    const torch::Tensor map = model->FeatureMap(images);
    const torch::Tensor expected_map = Expected(style + ".map");
    EXPECT_LT(MaxDifference(map.contiguous().flatten().slice(0, 0, map.numel(), 31), expected_map),
              1e-5 * (1 + expected_map.abs().max().item<double>()));
    EXPECT_LT(MaxDifference(model->forward(images), logits), 1e-4);
    EXPECT_LT(MaxDifference(model->RunHead(model->Pool(map)), logits), 1e-4);
    // Where the cut is makes no difference: what is frozen is folded, the rest is not.
    model->eval();
    std::vector<std::string> cuts = GetParam().unfreeze;
    cuts.push_back("all");
    for (const std::string& unfreeze : cuts) {
      SCOPED_TRACE(unfreeze);
      const absl::Status status = model->Freeze(unfreeze);
      ASSERT_TRUE(status.ok()) << status;
      EXPECT_LT(MaxDifference(model->forward(images), logits), 1e-4);
    }
  }
}

// Logits, gradients of every parameter and moved statistics of the body in float64, all of it
// training, with stochastic depth switched off as in the reference.
TEST_P(BackboneParityTest, Training) {
  NetworkGraph graph = (*FindBackbone(GetParam().name))->graph;
  for (GraphLayer& layer : graph.layers) {
    if (layer.kind == LayerKind::kDropPath) layer.rate = 0;
  }
  GraphNetwork network(graph, Padding::kSymmetric, "backbone");
  {
    const torch::NoGradGuard no_gradients;
    for (const auto& item : network.named_parameters()) {
      item.value().copy_(reference_->Weight(item.key()));
    }
    for (const auto& item : network.named_buffers()) {
      item.value().copy_(reference_->Weight(item.key()));
    }
  }
  network.to(torch::kFloat64);
  network.train();
  const torch::Tensor map = network.forward(Images(GetParam().image_size).to(torch::kFloat64));
  const torch::Tensor logits =
      torch::linear(map.mean({2, 3}), ClassifierWeight().to(torch::kFloat64),
                    ClassifierBias().to(torch::kFloat64));
  EXPECT_LT(MaxDifference(logits, Expected("train.logits")), 1e-8);
  torch::nn::functional::cross_entropy(logits, torch::arange(2)).backward();

  std::map<std::string, torch::Tensor> gradients;
  for (const auto& item : network.named_parameters()) {
    ASSERT_TRUE(item.value().grad().defined()) << item.key();
    gradients[item.key()] = item.value().grad();
  }
  std::map<std::string, torch::Tensor> statistics;
  for (const auto& item : network.named_buffers()) {
    if (item.key().find("running_") != std::string::npos) statistics[item.key()] = item.value();
  }
  ExpectRows(gradients, Expected("train.gradients"));
  if (!statistics.empty()) ExpectRows(statistics, Expected("train.statistics"));
}

// From conv2d_92 on, the last block of InceptionV3 needs five frozen values: the outputs of
// conv2d_87, conv2d_88 and conv2d_91, conv2d_92's input and the block's.
TEST(BackboneCuts, InsideInceptionsLastBlock) {
  TrainingPlan plan = TransferPlan(128);
  plan.network = "inception_v3";
  plan.unfreeze = "conv2d_92";
  const auto model = Build(plan);
  model->eval();
  const torch::NoGradGuard no_gradients;
  const torch::Tensor images = Images(128);
  const std::vector<torch::Tensor> crossing = model->FrozenPart(images);
  std::vector<int64_t> channels;
  for (const torch::Tensor& value : crossing) channels.push_back(value.size(1));
  EXPECT_THAT(channels, ::testing::UnorderedElementsAre(384, 384, 384, 384, 2048));
  EXPECT_LT(MaxDifference(model->TrainedPart(crossing), model->forward(images)), 1e-6);
}

std::vector<Network> Networks() {
  return {
      {"mobilenet_v2", 100, "classifier.1", {"block_6_expand"}},
      {"inception_v3", 128, "fc", {"mixed4", "conv2d_92"}},
      {"resnet50", 100, "fc", {"conv4_block1_1_conv"}},
      {"vgg16", 64, "classifier", {"block3_conv2"}},
      {"densenet121", 100, "classifier", {"conv4_block7_1_conv"}},
      {"efficientnet_v2_s", 100, "classifier.1", {"block5a_expand_conv", "block6c_se_reduce"}},
      {"xception", 100, "fc", {"block4_sepconv2"}},
      {"inception_resnet_v2", 128, "classif", {"block17_3_ac", "conv2d_190"}},
  };
}

INSTANTIATE_TEST_SUITE_P(, BackboneParityTest, ::testing::ValuesIn(Networks()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace vizsla
