// He, Zhang, Ren, Sun: "Deep Residual Learning for Image Recognition", CVPR 2016, table 1. Tensor
// names: torchvision/models/resnet.py. Layer names: keras/applications/resnet.py.
//
// The structure is torchvision's ("ResNet 1.5"): a stage's stride is in its first 3x3 convolution.
// Keras has it in the 1x1 before, gives convolutions a bias and norms an epsilon of 1.001e-5, so
// its published weights are another network's.
#include "src/catalog/backbones.h"

namespace vizsla {
namespace {

struct Stage {
  int64_t width, blocks, stride;
};
constexpr Stage kStages[] = {{64, 3, 1}, {128, 4, 2}, {256, 6, 2}, {512, 3, 2}};
constexpr int64_t kExpansion = 4;

class Builder {
 public:
  NetworkGraph Build() {
    int x = g_.Convolution(g_.Input(), "conv1_conv", "conv1",
                           {.out = 64, .kernel = {7, 7}, .stride = 2});
    x = g_.BatchNorm(x, "conv1_bn", "bn1");
    x = g_.Activate(x, "conv1_relu", Activation::kRelu);
    x = g_.MaxPool(x, "pool1_pool", 3, 2, 1);
    int number = 1;
    for (const Stage& stage : kStages) {
      for (int64_t i = 0; i < stage.blocks; ++i) {
        x = Block(x, StrCat("conv", number + 1, "_block", i + 1, "_"),
                  StrCat("layer", number, ".", i, "."), stage.width, i == 0 ? stage.stride : 1,
                  i == 0);
      }
      ++number;
    }
    return g_.Finish(x);
  }

 private:
  int Block(int input, const std::string& keras, const std::string& module, int64_t width,
            int64_t stride, bool projects) {
    int shortcut = input;
    if (projects) {
      shortcut = g_.Convolution(input, keras + "0_conv", module + "downsample.0",
                                {.out = width * kExpansion, .kernel = {1, 1}, .stride = stride});
      shortcut = g_.BatchNorm(shortcut, keras + "0_bn", module + "downsample.1");
    }
    int x =
        g_.Convolution(input, keras + "1_conv", module + "conv1", {.out = width, .kernel = {1, 1}});
    x = g_.BatchNorm(x, keras + "1_bn", module + "bn1");
    x = g_.Activate(x, keras + "1_relu", Activation::kRelu);
    x = g_.Convolution(x, keras + "2_conv", module + "conv2", {.out = width, .stride = stride});
    x = g_.BatchNorm(x, keras + "2_bn", module + "bn2");
    x = g_.Activate(x, keras + "2_relu", Activation::kRelu);
    x = g_.Convolution(x, keras + "3_conv", module + "conv3",
                       {.out = width * kExpansion, .kernel = {1, 1}});
    x = g_.BatchNorm(x, keras + "3_bn", module + "bn3");
    x = g_.Sum(shortcut, x, keras + "add");
    return g_.Activate(x, keras + "out", Activation::kRelu);
  }

  GraphBuilder g_;
};

}  // namespace

BackboneInfo MakeResNet50() {
  BackboneInfo info;
  info.name = "resnet50";
  info.published_by = "torchvision";
  info.preprocessing = "torch";
  info.other_modules = {"fc"};
  for (int stage = 4; stage >= 1; --stage) {
    for (int64_t block = kStages[stage - 1].blocks; block >= 1; --block) {
      info.unfreeze_points.push_back({StrCat("conv", stage + 1, "_block", block, "_1_conv"),
                                      StrCat("layer", stage, ".", block - 1)});
    }
  }
  info.graph = Builder().Build();
  return info;
}

}  // namespace vizsla
