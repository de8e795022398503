// Sandler, Howard, Zhu, Zhmoginov, Chen: "MobileNetV2: Inverted Residuals and Linear Bottlenecks",
// CVPR 2018, table 2, width 1.0. Tensor names: torchvision/models/mobilenetv2.py. Layer names:
// keras/applications/mobilenet_v2.py.
#include "src/catalog/backbones.h"

namespace vizsla {
namespace {

struct Stage {
  int64_t expansion, channels, blocks, stride;
};
constexpr Stage kStages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                             {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};

class Builder {
 public:
  NetworkGraph Build() {
    int x = g_.Convolution(g_.Input(), "Conv1", "features.0.0", {.out = 32, .stride = 2});
    x = g_.BatchNorm(x, "bn_Conv1", "features.0.1");
    x = g_.Activate(x, "Conv1_relu", Activation::kRelu6);
    int block = 0;
    for (const Stage& stage : kStages) {
      for (int64_t i = 0; i < stage.blocks; ++i, ++block) {
        x = Block(x, block, stage.expansion, stage.channels, i == 0 ? stage.stride : 1);
      }
    }
    const std::string last = StrCat("features.", block + 1);
    x = g_.Convolution(x, "Conv_1", last + ".0", {.out = 1280, .kernel = {1, 1}});
    x = g_.BatchNorm(x, "Conv_1_bn", last + ".1");
    return g_.Finish(g_.Activate(x, "out_relu", Activation::kRelu6));
  }

 private:
  int Block(int input, int block, int64_t expansion, int64_t channels, int64_t stride) {
    const std::string keras = block == 0 ? "expanded_conv_" : StrCat("block_", block, "_");
    const std::string module = StrCat("features.", block + 1, ".conv.");
    const int64_t hidden = g_.channels(input) * expansion;
    int x = input;
    int place = 0;
    if (expansion != 1) {
      const std::string unit = StrCat(module, place++);
      x = g_.Convolution(x, keras + "expand", unit + ".0", {.out = hidden, .kernel = {1, 1}});
      x = g_.BatchNorm(x, keras + "expand_BN", unit + ".1");
      x = g_.Activate(x, keras + "expand_relu", Activation::kRelu6);
    }
    const std::string unit = StrCat(module, place++);
    x = g_.Convolution(x, keras + "depthwise", unit + ".0",
                       {.out = hidden, .stride = stride, .groups = hidden});
    x = g_.BatchNorm(x, keras + "depthwise_BN", unit + ".1");
    x = g_.Activate(x, keras + "depthwise_relu", Activation::kRelu6);
    x = g_.Convolution(x, keras + "project", StrCat(module, place),
                       {.out = channels, .kernel = {1, 1}});
    x = g_.BatchNorm(x, keras + "project_BN", StrCat(module, place + 1));
    const bool residual = stride == 1 && g_.channels(input) == channels;
    return residual ? g_.Sum(input, x, keras + "add") : x;
  }

  GraphBuilder g_;
};

}  // namespace

BackboneInfo MakeMobileNetV2() {
  BackboneInfo info;
  info.name = "mobilenet_v2";
  info.published_by = "torchvision";
  info.preprocessing = "torch";
  info.other_modules = {"classifier"};
  for (int block = 16; block >= 1; --block) {
    info.unfreeze_points.push_back(
        {StrCat("block_", block, "_expand"), StrCat("features.", block + 1)});
  }
  info.graph = Builder().Build();
  return info;
}

}  // namespace vizsla
