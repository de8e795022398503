// Szegedy, Ioffe, Vanhoucke, Alemi: "Inception-v4, Inception-ResNet and the Impact of Residual
// Connections on Learning", AAAI 2017, in the form that Google published (tf-slim) and all others
// follow. Tensor names: timm/models/inception_resnet_v2.py. Layer names:
// keras/applications/inception_resnet_v2.py; layers without a name of their own are numbered as in
// a process's first model. Both concatenate the branches in the same order, and neither's average
// pool counts its padding.
#include "src/catalog/backbones.h"
#include "src/catalog/keras_names.h"

namespace vizsla {
namespace {

constexpr Extent k1x1 = {1, 1}, k3x3 = {3, 3}, k5x5 = {5, 5}, k1x3 = {1, 3}, k3x1 = {3, 1},
                 k1x7 = {1, 7}, k7x1 = {7, 1};
constexpr Extent kValid = {0, 0};
constexpr double kEpsilon = 1e-3;
constexpr int kBlocks35 = 10, kBlocks17 = 20, kBlocks8 = 10;

// One convolution of a branch, with its batch norm and ReLU.
struct Unit {
  int64_t out;
  Extent kernel;
  int64_t stride = 1;
  std::optional<Extent> padding = std::nullopt;
};
using Branch = std::vector<Unit>;

class Builder {
 public:
  NetworkGraph Build() {
    int x = Add(g_.Input(), "conv2d_1a", {32, k3x3, 2, kValid});
    x = Add(x, "conv2d_2a", {32, k3x3, 1, kValid});
    x = Add(x, "conv2d_2b", {64, k3x3});
    x = MaxPool(x);
    x = Add(x, "conv2d_3b", {80, k1x1});
    x = Add(x, "conv2d_4a", {192, k3x3, 1, kValid});
    x = MaxPool(x);
    x = Mixed5b(x);
    for (int i = 1; i <= kBlocks35; ++i) {
      x = Residual(x, StrCat("block35_", i), StrCat("repeat.", i - 1), 0.17, true,
                   {{{32, k1x1}}, {{32, k1x1}, {32, k3x3}}, {{32, k1x1}, {48, k3x3}, {64, k3x3}}});
    }
    x = Reduction(x, "mixed_6a",
                  {{{384, k3x3, 2, kValid}}, {{256, k1x1}, {256, k3x3}, {384, k3x3, 2, kValid}}});
    for (int i = 1; i <= kBlocks17; ++i) {
      x = Residual(x, StrCat("block17_", i), StrCat("repeat_1.", i - 1), 0.1, true,
                   {{{192, k1x1}}, {{128, k1x1}, {160, k1x7}, {192, k7x1}}});
    }
    x = Reduction(x, "mixed_7a",
                  {{{256, k1x1}, {384, k3x3, 2, kValid}},
                   {{256, k1x1}, {288, k3x3, 2, kValid}},
                   {{256, k1x1}, {288, k3x3}, {320, k3x3, 2, kValid}}});
    for (int i = 1; i <= kBlocks8; ++i) {
      const bool last = i == kBlocks8;  // neither scaled nor followed by a ReLU
      x = Residual(x, StrCat("block8_", i), last ? "block8" : StrCat("repeat_2.", i - 1),
                   last ? 1.0 : 0.2, !last,
                   {{{192, k1x1}}, {{192, k1x1}, {224, k1x3}, {256, k3x1}}});
    }
    x = g_.Convolution(x, "conv_7b", "conv2d_7b.conv", {.out = 1536, .kernel = k1x1});
    x = g_.BatchNorm(x, "conv_7b_bn", "conv2d_7b.bn", kEpsilon);
    return g_.Finish(g_.Activate(x, "conv_7b_ac", Activation::kRelu));
  }

 private:
  int Add(int x, const std::string& module, const Unit& unit) {
    x = g_.Convolution(
        x, names_.Next("conv2d"), module + ".conv",
        {.out = unit.out, .kernel = unit.kernel, .stride = unit.stride, .padding = unit.padding});
    x = g_.BatchNorm(x, names_.Next("batch_normalization"), module + ".bn", kEpsilon);
    return g_.Activate(x, names_.Next("activation"), Activation::kRelu);
  }
  int MaxPool(int x) { return g_.MaxPool(x, names_.Next("max_pooling2d"), 3, 2); }

  // timm wraps branches of several convolutions in a Sequential: branch1.0, branch1.1, ...
  std::vector<int> Branches(int input, const std::string& module,
                            const std::vector<Branch>& branches) {
    std::vector<int> ends;
    for (const Branch& branch : branches) {
      const std::string name = StrCat(module, ".branch", ends.size());
      int x = input;
      for (size_t i = 0; i < branch.size(); ++i) {
        x = Add(x, branch.size() == 1 ? name : StrCat(name, ".", i), branch[i]);
      }
      ends.push_back(x);
    }
    return ends;
  }

  int Mixed5b(int input) {
    std::vector<int> ends =
        Branches(input, "mixed_5b",
                 {{{96, k1x1}}, {{48, k1x1}, {64, k5x5}}, {{64, k1x1}, {96, k3x3}, {96, k3x3}}});
    const int pool = g_.AveragePool(input, names_.Next("average_pooling2d"), 3, 1, 1,
                                    /*counts_padding=*/false);
    ends.push_back(Add(pool, "mixed_5b.branch3.1", {64, k1x1}));
    return g_.Concatenate(std::move(ends), "mixed_5b");
  }

  int Reduction(int input, const std::string& name, const std::vector<Branch>& branches) {
    std::vector<int> ends = Branches(input, name, branches);
    ends.push_back(MaxPool(input));
    return g_.Concatenate(std::move(ends), name);
  }

  int Residual(int input, const std::string& keras, const std::string& module, double scale,
               bool relu, const std::vector<Branch>& branches) {
    const int mixed = g_.Concatenate(Branches(input, module, branches), keras + "_mixed");
    const int up = g_.Convolution(mixed, keras + "_conv", module + ".conv2d",
                                  {.out = g_.channels(input), .kernel = k1x1, .bias = true});
    const int sum = g_.Sum(input, up, keras, scale);
    return relu ? g_.Activate(sum, keras + "_ac", Activation::kRelu) : sum;
  }

  GraphBuilder g_;
  KerasNames names_;
};

// The blocks' own layers have numbers for names in Keras, so a block is said as "what comes after"
// the last layer of the one before. "mixed_6a" and "mixed_7a" are layers in Keras and blocks in
// timm; the layer's name wins, so these blocks are said by the branch that comes first in them.
std::vector<UnfreezePoint> UnfreezePoints() {
  std::vector<UnfreezePoint> points = {{"conv_7b", "conv2d_7b"}, {"block8_9_ac", "block8"}};
  const auto add_blocks = [&](const std::string& keras, const std::string& module, int blocks) {
    for (int block = blocks; block > 1; --block) {
      points.push_back({StrCat(keras, block - 1, "_ac"), StrCat(module, block - 1)});
    }
  };
  add_blocks("block8_", "repeat_2.", kBlocks8 - 1);
  points.push_back({"mixed_7a", "repeat_2"});
  points.push_back({StrCat("block17_", kBlocks17, "_ac"), "mixed_7a.branch2"});
  add_blocks("block17_", "repeat_1.", kBlocks17);
  points.push_back({"mixed_6a", "repeat_1"});
  points.push_back({StrCat("block35_", kBlocks35, "_ac"), "mixed_6a.branch1"});
  add_blocks("block35_", "repeat.", kBlocks35);
  points.push_back({"mixed_5b", "repeat"});
  return points;
}

}  // namespace

BackboneInfo MakeInceptionResNetV2() {
  BackboneInfo info;
  info.name = "inception_resnet_v2";
  info.published_by = "timm";
  info.native_image_size = 299;
  info.preprocessing = "tf";
  info.min_image_size = 75;
  info.other_modules = {"classif", "last_linear"};
  info.unfreeze_points = UnfreezePoints();
  info.graph = Builder().Build();
  return info;
}

}  // namespace vizsla
