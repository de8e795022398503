#include "src/nn/convolution.h"

#include <algorithm>

namespace vizsla {
namespace {

// TensorFlow's "SAME": all padding of one side length.
int64_t SamePadding(int64_t size, int64_t kernel, int64_t stride) {
  const int64_t outputs = (size + stride - 1) / stride;
  return std::max<int64_t>((outputs - 1) * stride + kernel - size, 0);
}

// LibTorch 1.13 cannot convolve no rows in channels-last order. Zero gradients still flow, so that
// the backward pass of a rank without rows visits what the other ranks' visits.
torch::Tensor NoRows(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                     int64_t stride) {
  torch::Tensor zero = x.sum() + weight.sum() * 0;
  if (bias.defined()) zero = zero + bias.sum() * 0;
  const auto outputs = [&](int64_t size) { return (size + stride - 1) / stride; };
  return zero.expand({0, weight.size(0), outputs(x.size(2)), outputs(x.size(3))}).clone();
}

}  // namespace

ConvolutionImpl::ConvolutionImpl(ConvolutionOptions options) : options_(options) {
  const torch::Tensor zeros =
      torch::zeros({options.out, options.in / options.groups, options.kernel, options.kernel});
  weight = register_parameter("weight", zeros.contiguous(torch::MemoryFormat::ChannelsLast));
  if (options.bias) bias = register_parameter("bias", torch::zeros({options.out}));
}

torch::Tensor ConvolutionImpl::Run(const torch::Tensor& x, const torch::Tensor& weight,
                                   const torch::Tensor& bias) const {
  const int64_t stride = options_.stride, kernel = options_.kernel;
  if (x.size(0) == 0) return NoRows(x, weight, bias, stride);
  int64_t padding = (kernel - 1) / 2;
  torch::Tensor padded = x;
  if (options_.padding == Padding::kTfSame && stride > 1 && kernel > 1) {
    const int64_t rows = SamePadding(x.size(2), kernel, stride);
    const int64_t columns = SamePadding(x.size(3), kernel, stride);
    // F.pad's order: left, right, top, bottom.
    padded = torch::constant_pad_nd(
        x, {columns / 2, columns - columns / 2, rows / 2, rows - rows / 2}, 0);
    padding = 0;
  }
  return torch::conv2d(padded, weight, bias, stride, padding, /*dilation=*/1, options_.groups);
}

}  // namespace vizsla
