#include "src/nn/scratch_body.h"

#include <string>
#include <utility>

#include "src/nn/initialization.h"

namespace vizsla {

ScratchBody::ScratchBody(double dropout) {
  const auto convolution = [](int64_t in, int64_t out, int64_t kernel) {
    return Convolution(ConvolutionOptions{.in = in, .out = out, .kernel = kernel, .bias = true});
  };
  conv1_ = register_module("conv1", convolution(3, 32, 5));
  conv2_ = register_module("conv2", convolution(32, 32, 3));
  norm1_ = register_module("norm1", BatchNorm(32, kKerasBatchNorm));
  dropout1_ = register_module("dropout1", Dropout(dropout, "body.dropout1"));
  conv3_ = register_module("conv3", convolution(32, kChannels, 5));
  conv4_ = register_module("conv4", convolution(kChannels, kChannels, 3));
  norm2_ = register_module("norm2", BatchNorm(kChannels, kKerasBatchNorm));
  dropout2_ = register_module("dropout2", Dropout(dropout, "body.dropout2"));
}

void ScratchBody::Initialize(const StreamKey& key) {
  Convolution* const convolutions[] = {&conv1_, &conv2_, &conv3_, &conv4_};
  for (size_t i = 0; i < std::size(convolutions); ++i) {
    InitializeGlorotUniform((*convolutions[i])->weight,
                            key.With("conv" + std::to_string(i + 1) + ".weight"));
  }
}

torch::Tensor ScratchBody::forward(torch::Tensor x) {
  const auto half = [](Convolution& first, Convolution& second, BatchNorm& norm, Dropout& dropout,
                       torch::Tensor x) {
    x = torch::relu(first(x));
    x = torch::relu(second(x));
    return dropout(norm(torch::max_pool2d(x, 2)));
  };
  x = half(conv1_, conv2_, norm1_, dropout1_, std::move(x));
  return half(conv3_, conv4_, norm2_, dropout2_, std::move(x));
}

void ScratchBody::SetStep(const DropoutStep& step) {
  dropout1_->SetStep(step);
  dropout2_->SetStep(step);
}

void ScratchBody::SetReduction(const SumReduction& reduction) {
  norm1_->SetReduction(reduction);
  norm2_->SetReduction(reduction);
}

}  // namespace vizsla
