// Simonyan, Zisserman: "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR
// 2015, table 1, column D. Tensor names: torchvision/models/vgg.py, vgg16 (without batch norm).
// Layer names: keras/applications/vgg16.py; its convolutions contain the ReLU that is a layer of
// its own here. The last max pool belongs to the feature map, as in Keras' `include_top=False`; the
// two hidden dense layers of the original are part of its classifier.
#include "src/catalog/backbones.h"

namespace vizsla {
namespace {

struct Stage {
  int64_t channels, convolutions;
};
constexpr Stage kStages[] = {{64, 2}, {128, 2}, {256, 3}, {512, 3}, {512, 3}};

struct Vgg16 {
  NetworkGraph graph;
  std::vector<UnfreezePoint> convolutions;  // in order
};

Vgg16 Build() {
  Vgg16 vgg;
  GraphBuilder g;
  int x = g.Input();
  int place = 0;  // in torchvision's `features`, where ReLUs and pools count
  int block = 0;
  for (const Stage& stage : kStages) {
    ++block;
    for (int64_t i = 1; i <= stage.convolutions; ++i, place += 2) {
      const UnfreezePoint names = {StrCat("block", block, "_conv", i), StrCat("features.", place)};
      x = g.Convolution(x, names.keras, names.torchvision, {.out = stage.channels, .bias = true});
      x = g.Activate(x, names.keras + "_relu", Activation::kRelu);
      vgg.convolutions.push_back(names);
    }
    x = g.MaxPool(x, StrCat("block", block, "_pool"), 2, 2);
    ++place;
  }
  vgg.graph = g.Finish(x);
  return vgg;
}

}  // namespace

BackboneInfo MakeVgg16() {
  Vgg16 vgg = Build();
  BackboneInfo info;
  info.name = "vgg16";
  info.published_by = "torchvision";
  info.preprocessing = "torch";
  info.other_modules = {"classifier"};
  info.unfreeze_points.assign(vgg.convolutions.rbegin(), vgg.convolutions.rend());
  info.graph = std::move(vgg.graph);
  return info;
}

}  // namespace vizsla
