// Tan, Le: "EfficientNetV2: Smaller Models and Faster Training", ICML 2021, table 4. Tensor names:
// torchvision/models/efficientnet.py. Layer names: keras/applications/efficientnet_v2.py; its
// squeeze and excitation convolutions contain the activations that are layers of their own here.
#include "src/catalog/backbones.h"

namespace vizsla {
namespace {

struct Stage {
  bool fused;  // one 3x3 convolution instead of 1x1, depthwise 3x3, squeeze and excitation
  int64_t expansion, channels, blocks, stride;
};
constexpr Stage kStages[] = {{true, 1, 24, 2, 1},   {true, 4, 48, 4, 2},   {true, 4, 64, 4, 2},
                             {false, 4, 128, 6, 2}, {false, 6, 160, 9, 1}, {false, 6, 256, 15, 2}};
constexpr int64_t kBlocks = 2 + 4 + 4 + 6 + 9 + 15;
constexpr double kEpsilon = 1e-3;
constexpr double kDropPathRate = 0.2;  // of an imagined block after the last; grows from 0 linearly

std::string KerasBlock(int stage, int64_t block) {
  return StrCat("block", stage, std::string(1, static_cast<char>('a' + block)), "_");
}

class Builder {
 public:
  NetworkGraph Build() {
    int x = g_.Convolution(g_.Input(), "stem_conv", "features.0.0", {.out = 24, .stride = 2});
    x = Norm(x, "stem_bn", "features.0.1");
    x = g_.Activate(x, "stem_activation", Activation::kSilu);
    int number = 0;
    int64_t done = 0;
    for (const Stage& stage : kStages) {
      ++number;
      for (int64_t i = 0; i < stage.blocks; ++i, ++done) {
        const double rate = kDropPathRate * static_cast<double>(done) / kBlocks;
        x = Block(x, stage, KerasBlock(number, i), StrCat("features.", number, ".", i, ".block."),
                  i == 0 ? stage.stride : 1, rate);
      }
    }
    x = g_.Convolution(x, "top_conv", "features.7.0", {.out = 1280, .kernel = {1, 1}});
    x = Norm(x, "top_bn", "features.7.1");
    return g_.Finish(g_.Activate(x, "top_activation", Activation::kSilu));
  }

 private:
  int Norm(int x, const std::string& name, const std::string& module) {
    return g_.BatchNorm(x, name, module, kEpsilon);
  }

  int Block(int input, const Stage& stage, const std::string& keras, const std::string& module,
            int64_t stride, double rate) {
    int x = stage.fused ? Fused(input, stage, keras, module, stride)
                        : Inverted(input, stage, keras, module, stride);
    if (stride != 1 || g_.channels(input) != stage.channels) return x;
    if (rate > 0) x = g_.DropPath(x, keras + "drop", rate);
    return g_.Sum(x, input, keras + "add");
  }

  int Fused(int x, const Stage& stage, const std::string& keras, const std::string& module,
            int64_t stride) {
    if (stage.expansion == 1) {
      x = g_.Convolution(x, keras + "project_conv", module + "0.0",
                         {.out = stage.channels, .stride = stride});
      x = Norm(x, keras + "project_bn", module + "0.1");
      return g_.Activate(x, keras + "project_activation", Activation::kSilu);
    }
    x = g_.Convolution(x, keras + "expand_conv", module + "0.0",
                       {.out = g_.channels(x) * stage.expansion, .stride = stride});
    x = Norm(x, keras + "expand_bn", module + "0.1");
    x = g_.Activate(x, keras + "expand_activation", Activation::kSilu);
    return Project(x, stage, keras, module + "1");
  }

  int Inverted(int input, const Stage& stage, const std::string& keras, const std::string& module,
               int64_t stride) {
    const int64_t hidden = g_.channels(input) * stage.expansion;
    int x = g_.Convolution(input, keras + "expand_conv", module + "0.0",
                           {.out = hidden, .kernel = {1, 1}});
    x = Norm(x, keras + "expand_bn", module + "0.1");
    x = g_.Activate(x, keras + "expand_activation", Activation::kSilu);
    x = g_.Convolution(x, keras + "dwconv2", module + "1.0",
                       {.out = hidden, .stride = stride, .groups = hidden});
    x = Norm(x, keras + "bn", module + "1.1");
    x = g_.Activate(x, keras + "activation", Activation::kSilu);
    x = SqueezeExcite(x, g_.channels(input) / 4, keras + "se_", module + "2.");
    return Project(x, stage, keras, module + "3");
  }

  int SqueezeExcite(int x, int64_t squeezed, const std::string& keras, const std::string& module) {
    int gate = g_.GlobalAverage(x, keras + "squeeze");
    gate = g_.Convolution(gate, keras + "reduce", module + "fc1",
                          {.out = squeezed, .kernel = {1, 1}, .bias = true});
    gate = g_.Activate(gate, keras + "reduce_activation", Activation::kSilu);
    gate = g_.Convolution(gate, keras + "expand", module + "fc2",
                          {.out = g_.channels(x), .kernel = {1, 1}, .bias = true});
    gate = g_.Activate(gate, keras + "expand_activation", Activation::kSigmoid);
    return g_.Multiply(x, gate, keras + "excite");
  }

  int Project(int x, const Stage& stage, const std::string& keras, const std::string& module) {
    x = g_.Convolution(x, keras + "project_conv", module + ".0",
                       {.out = stage.channels, .kernel = {1, 1}});
    return Norm(x, keras + "project_bn", module + ".1");
  }

  GraphBuilder g_;
};

}  // namespace

BackboneInfo MakeEfficientNetV2S() {
  BackboneInfo info;
  info.name = "efficientnet_v2_s";
  info.published_by = "torchvision";
  info.native_image_size = 384;
  info.preprocessing = "torch";
  info.other_modules = {"classifier"};
  info.unfreeze_points = {{"top_conv", "features.7"}};
  for (int stage = 6; stage >= 1; --stage) {
    for (int64_t block = kStages[stage - 1].blocks - 1; block >= 0; --block) {
      const bool expands = kStages[stage - 1].expansion != 1;
      info.unfreeze_points.push_back(
          {KerasBlock(stage, block) + (expands ? "expand_conv" : "project_conv"),
           StrCat("features.", stage, ".", block)});
    }
  }
  info.graph = Builder().Build();
  return info;
}

}  // namespace vizsla
