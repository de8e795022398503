// Huang, Liu, van der Maaten, Weinberger: "Densely Connected Convolutional Networks", CVPR 2017,
// table 1, k = 32. Tensor names: torchvision/models/densenet.py. Layer names:
// keras/applications/densenet.py. Both end in a batch norm and a ReLU, which belong to the feature
// map. Keras' norms have an epsilon of 1.001e-5.
#include "src/catalog/backbones.h"

namespace vizsla {
namespace {

constexpr int kStages[] = {6, 12, 24, 16};
constexpr int64_t kGrowth = 32;
constexpr int64_t kBottleneck = 4 * kGrowth;

class Builder {
 public:
  NetworkGraph Build() {
    int x = g_.Convolution(g_.Input(), "conv1/conv", "features.conv0",
                           {.out = 64, .kernel = {7, 7}, .stride = 2});
    x = NormRelu(x, "conv1/bn", "conv1/relu", "features.norm0");
    x = g_.MaxPool(x, "pool1", 3, 2, 1);
    int stage = 1;
    for (const int layers : kStages) {
      if (stage > 1) x = Transition(x, stage);
      for (int layer = 1; layer <= layers; ++layer) {
        x = DenseLayer(x, StrCat("conv", stage + 1, "_block", layer, "_"),
                       StrCat("features.denseblock", stage, ".denselayer", layer, "."));
      }
      ++stage;
    }
    return g_.Finish(NormRelu(x, "bn", "relu", "features.norm5"));
  }

 private:
  int NormRelu(int x, const std::string& norm, const std::string& relu, const std::string& module) {
    return g_.Activate(g_.BatchNorm(x, norm, module), relu, Activation::kRelu);
  }

  // Between the stages before and `stage`; Keras counts it with the pool of the stem.
  int Transition(int x, int stage) {
    const std::string keras = StrCat("pool", stage, "_");
    const std::string module = StrCat("features.transition", stage - 1, ".");
    x = NormRelu(x, keras + "bn", keras + "relu", module + "norm");
    x = g_.Convolution(x, keras + "conv", module + "conv",
                       {.out = g_.channels(x) / 2, .kernel = {1, 1}});
    return g_.AveragePool(x, keras + "pool", 2, 2);
  }

  int DenseLayer(int input, const std::string& keras, const std::string& module) {
    int x = NormRelu(input, keras + "0_bn", keras + "0_relu", module + "norm1");
    x = g_.Convolution(x, keras + "1_conv", module + "conv1",
                       {.out = kBottleneck, .kernel = {1, 1}});
    x = NormRelu(x, keras + "1_bn", keras + "1_relu", module + "norm2");
    x = g_.Convolution(x, keras + "2_conv", module + "conv2", {.out = kGrowth});
    return g_.Concatenate({input, x}, keras + "concat");
  }

  GraphBuilder g_;
};

}  // namespace

BackboneInfo MakeDenseNet121() {
  BackboneInfo info;
  info.name = "densenet121";
  info.published_by = "torchvision";
  info.preprocessing = "torch";
  info.other_modules = {"classifier"};
  // torchvision's download of 2017 has a dense layer's members so; torchvision renames them, too.
  info.spellings = {{".norm.1.", ".norm1."},
                    {".norm.2.", ".norm2."},
                    {".conv.1.", ".conv1."},
                    {".conv.2.", ".conv2."}};
  info.unfreeze_points = {{"bn", "features.norm5"}};
  for (int stage = 4; stage >= 1; --stage) {
    info.unfreeze_points.push_back(
        {StrCat("conv", stage + 1, "_block1_0_bn"), StrCat("features.denseblock", stage)});
    if (stage == 1) break;  // before it is the stem
    info.unfreeze_points.push_back(
        {StrCat("pool", stage, "_bn"), StrCat("features.transition", stage - 1)});
  }
  info.graph = Builder().Build();
  return info;
}

}  // namespace vizsla
