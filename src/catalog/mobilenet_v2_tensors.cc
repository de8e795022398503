#include <utility>

#include "src/catalog/backbones.h"

namespace vizsla {
namespace {

// torchvision's Conv2d without bias and its BatchNorm2d.
void AppendUnit(const std::string& convolution, const std::string& norm, int64_t out, int64_t in,
                int64_t kernel, std::vector<NamedShape>& tensors) {
  tensors.push_back({convolution + ".weight", {out, in, kernel, kernel}});
  for (const char* part : {".weight", ".bias", ".running_mean", ".running_var"}) {
    tensors.push_back({norm + part, {out}});
  }
  tensors.push_back({norm + ".num_batches_tracked", {}});
}

}  // namespace

// Table 2 of Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (2018), with
// torchvision's names.
std::vector<NamedShape> MobileNetV2Tensors() {
  struct Stage {
    int64_t expansion, channels, blocks;
  };
  constexpr Stage kStages[] = {{1, 16, 1}, {6, 24, 2},  {6, 32, 3}, {6, 64, 4},
                               {6, 96, 3}, {6, 160, 3}, {6, 320, 1}};
  std::vector<NamedShape> tensors;
  AppendUnit("features.0.0", "features.0.1", 32, 3, 3, tensors);
  int64_t in = 32;
  int layer = 1;
  for (const Stage& stage : kStages) {
    for (int64_t block = 0; block < stage.blocks; ++block, ++layer) {
      const std::string conv = StrCat("features.", layer, ".conv.");
      const int64_t hidden = in * stage.expansion;
      int place = 0;
      const auto scoped = [&](int64_t unit_in, int64_t kernel) {
        const std::string scope = StrCat(conv, place++, ".");
        AppendUnit(scope + "0", scope + "1", hidden, unit_in, kernel, tensors);
      };
      if (stage.expansion != 1) scoped(in, 1);
      scoped(1, 3);  // depthwise
      AppendUnit(StrCat(conv, place), StrCat(conv, place + 1), stage.channels, hidden, 1, tensors);
      in = stage.channels;
    }
  }
  AppendUnit(StrCat("features.", layer, ".0"), StrCat("features.", layer, ".1"), 1280, in, 1,
             tensors);
  return tensors;
}

}  // namespace vizsla
