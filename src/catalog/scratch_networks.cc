#include "src/catalog/scratch_networks.h"

#include <string>

#include "src/base/check.h"
#include "src/base/status.h"

namespace vizsla {
namespace {

constexpr double kKerasEpsilon = 1e-3;
constexpr double kKerasMomentum = 0.01;  // PyTorch's word for Keras' 0.99

bool IsResidual(std::string_view name) { return name == "scratch_v3"; }

int64_t PoolOf(std::string_view name) { return IsResidual(name) ? 4 : 2; }

int64_t Filters(int block) { return int64_t{32} << (block - 1); }

int PlainBlock(GraphBuilder& g, int x, int block) {
  for (const int64_t kernel : {5, 3}) {
    const int number = 2 * block - (kernel == 5 ? 1 : 0);
    const std::string name = StrCat("conv", number);
    x = g.Convolution(x, name, name,
                      {.out = Filters(block), .kernel = {kernel, kernel}, .bias = true});
    x = g.Activate(x, StrCat("relu", number), Activation::kRelu);
  }
  return g.MaxPool(x, StrCat("pool", block), 2, 2);
}

int ResidualBlock(GraphBuilder& g, int input, int block) {
  const std::string scope = StrCat("block", block);
  const auto convolve = [&](int from, const std::string& part) {
    return g.Convolution(from, StrCat(scope, "_", part), StrCat(scope, ".", part),
                         {.out = Filters(block), .bias = true});
  };
  int x = g.Activate(convolve(input, "conv1"), StrCat(scope, "_relu1"), Activation::kRelu);
  x = g.Activate(convolve(x, "conv2"), StrCat(scope, "_relu2"), Activation::kRelu);
  x = convolve(x, "conv3");
  x = g.Sum(x, convolve(input, "shortcut"), StrCat(scope, "_add"));
  x = g.Activate(x, StrCat(scope, "_relu"), Activation::kRelu);
  return g.MaxPool(x, StrCat("pool", block), 4, 4);
}

}  // namespace

bool IsScratchNetwork(std::string_view name) {
  return name == "scratch_v1" || name == "scratch_v2" || name == "scratch_v3";
}

ScratchOptions DefaultScratchOptions(std::string_view name) {
  VIZSLA_CHECK(IsScratchNetwork(name));
  if (name == "scratch_v1") return {.blocks = 2, .dropout = 0.25, .batch_norm = true};
  if (name == "scratch_v2") return {.blocks = 2, .dropout = 0.5, .batch_norm = true};
  return {.blocks = 3, .dropout = 0, .batch_norm = false};
}

NetworkGraph ScratchGraph(std::string_view name, const ScratchOptions& options) {
  VIZSLA_CHECK(IsScratchNetwork(name) && options.blocks >= 1);
  GraphBuilder g;
  int x = g.Input();
  for (int block = 1; block <= options.blocks; ++block) {
    x = IsResidual(name) ? ResidualBlock(g, x, block) : PlainBlock(g, x, block);
    if (options.batch_norm) {
      const std::string norm = StrCat("norm", block);
      x = g.BatchNorm(x, norm, norm, kKerasEpsilon, kKerasMomentum);
    }
    if (options.dropout > 0) x = g.Dropout(x, StrCat("dropout", block), options.dropout);
  }
  return g.Finish(x);
}

NetworkGraph ScratchDecoderGraph(std::string_view name, const ScratchOptions& options) {
  VIZSLA_CHECK(IsScratchNetwork(name) && options.blocks >= 1);
  GraphBuilder g(Filters(options.blocks));
  int x = g.Input();
  for (int block = options.blocks; block >= 1; --block) {
    x = g.Upsample(x, StrCat("upsample", block), PoolOf(name));
    const std::string convolution = StrCat("conv", block);
    x = g.Convolution(x, convolution, convolution,
                      {.out = block > 1 ? Filters(block - 1) : Filters(1), .bias = true});
    x = g.Activate(x, StrCat("relu", block), Activation::kRelu);
  }
  return g.Finish(g.Convolution(x, "output", "output", {.out = 3, .bias = true}));
}

}  // namespace vizsla
