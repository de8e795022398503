// Szegedy, Vanhoucke, Ioffe, Shlens, Wojna: "Rethinking the Inception Architecture for Computer
// Vision", CVPR 2016, table 1. Tensor names: torchvision/models/inception.py. Layer names:
// keras/applications/inception_v3.py; layers without a name of their own are numbered as in a
// process's first model. Both concatenate the branches in the same order.
//
// torchvision's average pools count their padding and Keras' do not; see GraphLayer::padding.
// torchvision's published weights (`transform_input`) rescale images normalised as "torch" to
// [-1, 1] themselves; this graph starts after that, at "tf".
#include "src/catalog/backbones.h"
#include "src/catalog/keras_names.h"

namespace vizsla {
namespace {

constexpr Extent k1x1 = {1, 1}, k3x3 = {3, 3}, k5x5 = {5, 5}, k1x3 = {1, 3}, k3x1 = {3, 1},
                 k1x7 = {1, 7}, k7x1 = {7, 1};
constexpr Extent kValid = {0, 0};
constexpr double kEpsilon = 1e-3;

// torchvision's names of the blocks that end in Keras' mixed0 ... mixed10.
constexpr const char* kBlocks[] = {"Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a",
                                   "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e",
                                   "Mixed_7a", "Mixed_7b", "Mixed_7c"};

class Builder {
 public:
  NetworkGraph Build() {
    int x = Unit(g_.Input(), "Conv2d_1a_3x3", 32, k3x3, 2, kValid);
    x = Unit(x, "Conv2d_2a_3x3", 32, k3x3, 1, kValid);
    x = Unit(x, "Conv2d_2b_3x3", 64, k3x3);
    x = MaxPool(x);
    x = Unit(x, "Conv2d_3b_1x1", 80, k1x1);
    x = Unit(x, "Conv2d_4a_3x3", 192, k3x3, 1, kValid);
    x = MaxPool(x);
    x = BlockA(x, 0, 32);
    x = BlockA(x, 1, 64);
    x = BlockA(x, 2, 64);
    x = ReductionA(x, 3);
    x = BlockB(x, 4, 128);
    x = BlockB(x, 5, 160);
    x = BlockB(x, 6, 160);
    x = BlockB(x, 7, 192);
    x = ReductionB(x, 8);
    x = BlockC(x, 9);
    return g_.Finish(BlockC(x, 10));
  }

 private:
  // Convolution, batch norm, ReLU; padded to "same" unless told otherwise.
  int Unit(int x, const std::string& module, int64_t out, Extent kernel, int64_t stride = 1,
           std::optional<Extent> padding = std::nullopt) {
    x = g_.Convolution(x, names_.Next("conv2d"), module + ".conv",
                       {.out = out, .kernel = kernel, .stride = stride, .padding = padding});
    x = g_.BatchNorm(x, names_.Next("batch_normalization"), module + ".bn", kEpsilon);
    return g_.Activate(x, names_.Next("activation"), Activation::kRelu);
  }
  int MaxPool(int x) { return g_.MaxPool(x, names_.Next("max_pooling2d"), 3, 2); }
  int PoolBranch(int x, const std::string& module, int64_t out) {
    x = g_.AveragePool(x, names_.Next("average_pooling2d"), 3, 1, 1);
    return Unit(x, module + "branch_pool", out, k1x1);
  }
  static std::string Module(int block) { return StrCat(kBlocks[block], "."); }
  static std::string Mixed(int block) { return StrCat("mixed", block); }

  int BlockA(int x, int block, int64_t pool_channels) {
    const std::string m = Module(block);
    const int a = Unit(x, m + "branch1x1", 64, k1x1);
    int b = Unit(x, m + "branch5x5_1", 48, k1x1);
    b = Unit(b, m + "branch5x5_2", 64, k5x5);
    int c = Unit(x, m + "branch3x3dbl_1", 64, k1x1);
    c = Unit(c, m + "branch3x3dbl_2", 96, k3x3);
    c = Unit(c, m + "branch3x3dbl_3", 96, k3x3);
    const int d = PoolBranch(x, m, pool_channels);
    return g_.Concatenate({a, b, c, d}, Mixed(block));
  }

  int ReductionA(int x, int block) {
    const std::string m = Module(block);
    const int a = Unit(x, m + "branch3x3", 384, k3x3, 2, kValid);
    int b = Unit(x, m + "branch3x3dbl_1", 64, k1x1);
    b = Unit(b, m + "branch3x3dbl_2", 96, k3x3);
    b = Unit(b, m + "branch3x3dbl_3", 96, k3x3, 2, kValid);
    return g_.Concatenate({a, b, MaxPool(x)}, Mixed(block));
  }

  int BlockB(int x, int block, int64_t width) {
    const std::string m = Module(block);
    const int a = Unit(x, m + "branch1x1", 192, k1x1);
    int b = Unit(x, m + "branch7x7_1", width, k1x1);
    b = Unit(b, m + "branch7x7_2", width, k1x7);
    b = Unit(b, m + "branch7x7_3", 192, k7x1);
    int c = Unit(x, m + "branch7x7dbl_1", width, k1x1);
    c = Unit(c, m + "branch7x7dbl_2", width, k7x1);
    c = Unit(c, m + "branch7x7dbl_3", width, k1x7);
    c = Unit(c, m + "branch7x7dbl_4", width, k7x1);
    c = Unit(c, m + "branch7x7dbl_5", 192, k1x7);
    const int d = PoolBranch(x, m, 192);
    return g_.Concatenate({a, b, c, d}, Mixed(block));
  }

  int ReductionB(int x, int block) {
    const std::string m = Module(block);
    int a = Unit(x, m + "branch3x3_1", 192, k1x1);
    a = Unit(a, m + "branch3x3_2", 320, k3x3, 2, kValid);
    int b = Unit(x, m + "branch7x7x3_1", 192, k1x1);
    b = Unit(b, m + "branch7x7x3_2", 192, k1x7);
    b = Unit(b, m + "branch7x7x3_3", 192, k7x1);
    b = Unit(b, m + "branch7x7x3_4", 192, k3x3, 2, kValid);
    return g_.Concatenate({a, b, MaxPool(x)}, Mixed(block));
  }

  int BlockC(int x, int block) {
    const std::string m = Module(block);
    const int a = Unit(x, m + "branch1x1", 320, k1x1);
    int b = Unit(x, m + "branch3x3_1", 384, k1x1);
    b = Fork(b, m + "branch3x3_2", StrCat("mixed9_", block - 9));
    int c = Unit(x, m + "branch3x3dbl_1", 448, k1x1);
    c = Unit(c, m + "branch3x3dbl_2", 384, k3x3);
    c = Fork(c, m + "branch3x3dbl_3", names_.Next("concatenate"));
    const int d = PoolBranch(x, m, 192);
    return g_.Concatenate({a, b, c, d}, Mixed(block));
  }

  int Fork(int x, const std::string& module, std::string name) {
    const int a = Unit(x, module + "a", 384, k1x3);
    const int b = Unit(x, module + "b", 384, k3x1);
    return g_.Concatenate({a, b}, std::move(name));
  }

  GraphBuilder g_;
  KerasNames names_;
};

}  // namespace

BackboneInfo MakeInceptionV3() {
  BackboneInfo info;
  info.name = "inception_v3";
  info.published_by = "torchvision";
  info.native_image_size = 299;
  info.preprocessing = "tf";
  info.min_image_size = 75;
  info.other_modules = {"AuxLogits", "fc"};
  // Inside the last block: the pool branch's convolution, then the two of the doubled 3x3 branch.
  info.unfreeze_points = {{"conv2d_93", "Mixed_7c.branch_pool.conv"},
                          {"conv2d_92", "Mixed_7c.branch3x3dbl_3b.conv"},
                          {"conv2d_91", "Mixed_7c.branch3x3dbl_3a.conv"}};
  // What comes after the named concatenation.
  for (int mixed = 9; mixed >= 0; --mixed) {
    info.unfreeze_points.push_back({StrCat("mixed", mixed), kBlocks[mixed + 1]});
  }
  info.graph = Builder().Build();
  return info;
}

}  // namespace vizsla
