// Chollet: "Xception: Deep Learning with Depthwise Separable Convolutions", CVPR 2017, figure 5.
// Tensor names: timm/models/xception.py, legacy_xception, whose blocks are numbered one lower than
// Keras'. Layer names: keras/applications/xception.py. A separable convolution is one layer there
// and two here: its depthwise half has Keras' name. timm's norms have an epsilon of 1e-5, Keras'
// of 1e-3.
#include "src/catalog/backbones.h"
#include "src/catalog/keras_names.h"

namespace vizsla {
namespace {

constexpr int kLastBlock = 13;  // of Keras' numbers; 2 ... 13 are residual

class Builder {
 public:
  NetworkGraph Build() {
    int x = Stem(g_.Input(), 1, 32, 2);
    x = Stem(x, 2, 64, 1);
    x = Reduction(x, 2, 128, 128);
    x = Reduction(x, 3, 256, 256);
    x = Reduction(x, 4, 728, 728);
    for (int block = 5; block < kLastBlock; ++block) x = Middle(x, block);
    x = Reduction(x, kLastBlock, 728, 1024);
    x = Exit(x, 1, 1536);
    return g_.Finish(Exit(x, 2, 2048));
  }

 private:
  static std::string Unit(int block, int unit) { return StrCat("block", block, "_sepconv", unit); }

  int Stem(int x, int number, int64_t out, int64_t stride) {
    const std::string keras = StrCat("block1_conv", number);
    x = g_.Convolution(x, keras, StrCat("conv", number),
                       {.out = out, .stride = stride, .padding = Extent{0, 0}});
    x = g_.BatchNorm(x, keras + "_bn", StrCat("bn", number));
    return g_.Activate(x, keras + "_act", Activation::kRelu);
  }

  int Separable(int x, const std::string& keras, const std::string& module, const std::string& norm,
                int64_t out) {
    x = g_.Convolution(x, keras, module + ".conv1",
                       {.out = g_.channels(x), .groups = g_.channels(x)});
    x = g_.Convolution(x, keras + "_pointwise", module + ".pointwise",
                       {.out = out, .kernel = {1, 1}});
    return g_.BatchNorm(x, keras + "_bn", norm);
  }

  // ReLU and separable convolution number `unit` of a residual block. timm counts ReLU,
  // convolution and norm, from 0; its first block starts without the ReLU.
  int ReluSeparable(int x, int block, int unit, int64_t out) {
    const std::string keras = Unit(block, unit);
    const bool has_relu = block != 2 || unit != 1;
    if (has_relu) x = g_.Activate(x, keras + "_act", Activation::kRelu);
    const int place = 3 * (unit - 1) + (block == 2 ? 0 : 1);
    const std::string rep = StrCat("block", block - 1, ".rep.");
    return Separable(x, keras, StrCat(rep, place), StrCat(rep, place + 1), out);
  }

  int Reduction(int input, int block, int64_t first, int64_t out) {
    const std::string module = StrCat("block", block - 1, ".");
    int residual = g_.Convolution(input, names_.Next("conv2d"), module + "skip",
                                  {.out = out, .kernel = {1, 1}, .stride = 2});
    residual = g_.BatchNorm(residual, names_.Next("batch_normalization"), module + "skipbn");
    int x = ReluSeparable(input, block, 1, first);
    x = ReluSeparable(x, block, 2, out);
    x = g_.MaxPool(x, StrCat("block", block, "_pool"), 3, 2, 1);
    return g_.Sum(x, residual, names_.Next("add"));
  }

  int Middle(int input, int block) {
    int x = input;
    for (int unit = 1; unit <= 3; ++unit) x = ReluSeparable(x, block, unit, g_.channels(input));
    return g_.Sum(x, input, names_.Next("add"));
  }

  int Exit(int x, int unit, int64_t out) {
    const std::string keras = Unit(kLastBlock + 1, unit);
    x = Separable(x, keras, StrCat("conv", unit + 2), StrCat("bn", unit + 2), out);
    return g_.Activate(x, keras + "_act", Activation::kRelu);
  }

  GraphBuilder g_;
  KerasNames names_;
};

}  // namespace

BackboneInfo MakeXception() {
  BackboneInfo info;
  info.name = "xception";
  info.published_by = "timm";
  info.native_image_size = 299;
  info.preprocessing = "tf";
  info.min_image_size = 71;
  info.other_modules = {"fc", "last_linear"};
  info.unfreeze_points = {{"block14_sepconv2", "conv4"}, {"block14_sepconv1", "conv3"}};
  for (int block = kLastBlock; block >= 2; --block) {
    info.unfreeze_points.push_back(
        {StrCat("block", block, "_sepconv1"), StrCat("block", block - 1)});
  }
  info.graph = Builder().Build();
  return info;
}

}  // namespace vizsla
