#include "src/nn/mobilenet_v2.h"

#include <string>
#include <utility>

#include "src/base/check.h"
#include "src/nn/initialization.h"

namespace vizsla {
namespace {

// A module that only gives its children a name.
std::shared_ptr<torch::nn::Module> Scope(torch::nn::Module& parent, const std::string& name) {
  return parent.register_module(name, std::make_shared<torch::nn::Module>());
}

ConvolutionUnit Unit(torch::nn::Module& convolution_scope, const std::string& convolution_name,
                     torch::nn::Module& norm_scope, const std::string& norm_name,
                     const ConvolutionOptions& options, bool linear) {
  ConvolutionUnit unit;
  unit.convolution = convolution_scope.register_module(convolution_name, Convolution(options));
  unit.norm = norm_scope.register_module(norm_name, BatchNorm(options.out, kTorchvisionBatchNorm));
  unit.linear = linear;
  return unit;
}

// torchvision's Conv2dNormActivation: <name>.0 and <name>.1.
ConvolutionUnit ScopedUnit(torch::nn::Module& parent, const std::string& name,
                           const ConvolutionOptions& options) {
  const auto scope = Scope(parent, name);
  return Unit(*scope, "0", *scope, "1", options, /*linear=*/false);
}

torch::Tensor Activate(torch::Tensor x, bool linear) {
  return linear ? x : torch::hardtanh_(x, 0, 6);  // in place: neither input is needed backwards
}

void Fold(ConvolutionUnit& unit) {
  const auto [scale, shift] = unit.norm->InferenceScaleAndShift();
  unit.folded_weight = (unit.convolution->weight * scale.view({-1, 1, 1, 1}))
                           .contiguous(torch::MemoryFormat::ChannelsLast);
  unit.folded_bias = shift;
}

}  // namespace

MobileNetV2::MobileNetV2(Padding padding) {
  struct Stage {
    int64_t expansion, channels, blocks, stride;
  };
  constexpr Stage kStages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                               {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
  const auto features = Scope(*this, "features");
  layers_.push_back({{ScopedUnit(
      *features, "0", {.in = 3, .out = 32, .kernel = 3, .stride = 2, .padding = padding})}});
  int64_t in = 32;
  for (const Stage& stage : kStages) {
    for (int64_t block = 0; block < stage.blocks; ++block) {
      const int64_t stride = block == 0 ? stage.stride : 1;
      const int64_t hidden = in * stage.expansion;
      const auto conv = Scope(*Scope(*features, std::to_string(layers_.size())), "conv");
      Layer layer;
      int place = 0;
      if (stage.expansion != 1) {
        layer.units.push_back(
            ScopedUnit(*conv, std::to_string(place++), {.in = in, .out = hidden, .kernel = 1}));
      }
      layer.units.push_back(ScopedUnit(*conv, std::to_string(place++),
                                       {.in = hidden,
                                        .out = hidden,
                                        .kernel = 3,
                                        .stride = stride,
                                        .groups = hidden,
                                        .padding = padding}));
      layer.units.push_back(Unit(*conv, std::to_string(place), *conv, std::to_string(place + 1),
                                 {.in = hidden, .out = stage.channels, .kernel = 1},
                                 /*linear=*/true));
      layer.residual = stride == 1 && in == stage.channels;
      layers_.push_back(std::move(layer));
      in = stage.channels;
    }
  }
  layers_.push_back({{ScopedUnit(*features, std::to_string(layers_.size()),
                                 {.in = in, .out = kChannels, .kernel = 1})}});
  VIZSLA_CHECK(layers_.size() == kLayers);
}

void MobileNetV2::Initialize(const StreamKey& key) {
  for (const auto& module : named_modules()) {
    if (auto* convolution = module.value()->as<ConvolutionImpl>()) {
      InitializeKaimingNormal(convolution->weight, key.With(module.key() + ".weight"));
    }
  }
  DropFolded();
}

template <typename Apply>
torch::Tensor MobileNetV2::RunLayers(torch::Tensor x, int from, int to, const Apply& apply) {
  for (int i = from; i < to; ++i) {
    torch::Tensor y = x;
    for (ConvolutionUnit& unit : layers_[i].units) y = apply(unit, y);
    x = layers_[i].residual ? y.add_(x) : y;  // y is fresh, and nothing keeps it for backwards
  }
  return x;
}

torch::Tensor MobileNetV2::Run(torch::Tensor x, int from, int to) {
  return RunLayers(std::move(x), from, to, [](ConvolutionUnit& unit, const torch::Tensor& input) {
    return Activate(unit.norm(unit.convolution(input)), unit.linear);
  });
}

torch::Tensor MobileNetV2::RunFrozen(torch::Tensor x, int from, int to) {
  const torch::NoGradGuard no_gradients;
  return RunLayers(x.detach(), from, to, [](ConvolutionUnit& unit, const torch::Tensor& input) {
    if (!unit.folded_weight.defined() || unit.folded_weight.device() != input.device()) Fold(unit);
    return Activate(unit.convolution->Run(input, unit.folded_weight, unit.folded_bias),
                    unit.linear);
  });
}

void MobileNetV2::Freeze(int cut) {
  cut_ = cut;
  for (int i = 0; i < kLayers; ++i) {
    for (ConvolutionUnit& unit : layers_[i].units) {
      unit.convolution->weight.set_requires_grad(i >= cut);
      unit.norm->SetFrozen(i < cut);
    }
  }
  DropFolded();
}

void MobileNetV2::DropFolded() {
  for (Layer& layer : layers_) {
    for (ConvolutionUnit& unit : layer.units) {
      unit.folded_weight = torch::Tensor();
      unit.folded_bias = torch::Tensor();
    }
  }
}

void MobileNetV2::SetReduction(const SumReduction& reduction) {
  for (Layer& layer : layers_) {
    for (ConvolutionUnit& unit : layer.units) unit.norm->SetReduction(reduction);
  }
}

}  // namespace vizsla
