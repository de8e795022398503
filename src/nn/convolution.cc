#include "src/nn/convolution.h"

#include "src/nn/pooling.h"

namespace vizsla {
namespace {

// LibTorch 1.13 cannot convolve no rows in channels-last order. Zero gradients still flow, so that
// the backward pass of a rank without rows visits what the other ranks' visits.
torch::Tensor NoRows(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                     const ConvolutionOptions& options) {
  torch::Tensor zero = x.sum() + weight.sum() * 0;
  if (bias.defined()) zero = zero + bias.sum() * 0;
  const auto outputs = [&](int64_t size, int64_t kernel, int64_t padding) {
    return (size + 2 * padding - kernel) / options.stride + 1;
  };
  return zero
      .expand({0, weight.size(0), outputs(x.size(2), options.kernel.rows, options.padding.rows),
               outputs(x.size(3), options.kernel.columns, options.padding.columns)})
      .clone();
}

}  // namespace

ConvolutionImpl::ConvolutionImpl(ConvolutionOptions options) : options_(options) {
  const torch::Tensor zeros = torch::zeros(
      {options.out, options.in / options.groups, options.kernel.rows, options.kernel.columns});
  weight = register_parameter("weight", zeros.contiguous(torch::MemoryFormat::ChannelsLast));
  if (options.bias) bias = register_parameter("bias", torch::zeros({options.out}));
}

torch::Tensor ConvolutionImpl::Run(const torch::Tensor& x, const torch::Tensor& weight,
                                   const torch::Tensor& bias) const {
  const int64_t stride = options_.stride;
  if (x.size(0) == 0) return NoRows(x, weight, bias, options_);
  torch::Tensor padded = x;
  std::vector<int64_t> padding = {options_.padding.rows, options_.padding.columns};
  if (PadsAsSame(options_.padding, stride, options_.style)) {
    padded = PadAsSame(x, options_.kernel, stride, 0);
    padding = {0, 0};
  }
  return torch::conv2d(padded, weight, bias, stride, padding, /*dilation=*/1, options_.groups);
}

}  // namespace vizsla
