#include "src/nn/pooling.h"

#include <algorithm>
#include <limits>

namespace vizsla {

int64_t SamePadding(int64_t size, int64_t kernel, int64_t stride) {
  const int64_t outputs = (size + stride - 1) / stride;
  return std::max<int64_t>((outputs - 1) * stride + kernel - size, 0);
}

torch::Tensor PadAsSame(const torch::Tensor& x, const Extent& kernel, int64_t stride,
                        double value) {
  const int64_t rows = SamePadding(x.size(2), kernel.rows, stride);
  const int64_t columns = SamePadding(x.size(3), kernel.columns, stride);
  // F.pad's order: left, right, top, bottom.
  return torch::constant_pad_nd(x, {columns / 2, columns - columns / 2, rows / 2, rows - rows / 2},
                                value);
}

torch::Tensor MaxPool(const torch::Tensor& x, const GraphLayer& layer, Padding style) {
  const std::vector<int64_t> kernel = {layer.kernel.rows, layer.kernel.columns};
  if (PadsAsSame(layer.padding, layer.stride, style)) {
    return torch::max_pool2d(
        PadAsSame(x, layer.kernel, layer.stride, -std::numeric_limits<double>::infinity()), kernel,
        layer.stride);
  }
  return torch::max_pool2d(x, kernel, layer.stride, {layer.padding.rows, layer.padding.columns});
}

torch::Tensor AveragePool(const torch::Tensor& x, const GraphLayer& layer, Padding style) {
  const std::vector<int64_t> kernel = {layer.kernel.rows, layer.kernel.columns};
  const std::vector<int64_t> padding = {layer.padding.rows, layer.padding.columns};
  if (PadsAsSame(layer.padding, layer.stride, style)) {
    // The mean over what lies inside: sums divided by how many elements each window has.
    const torch::Tensor ones = torch::ones({1, 1, x.size(2), x.size(3)}, x.options());
    const torch::Tensor sums =
        torch::avg_pool2d(PadAsSame(x, layer.kernel, layer.stride, 0), kernel, layer.stride);
    return sums /
           torch::avg_pool2d(PadAsSame(ones, layer.kernel, layer.stride, 0), kernel, layer.stride);
  }
  return torch::avg_pool2d(x, kernel, layer.stride, padding, /*ceil_mode=*/false,
                           style == Padding::kSymmetric && layer.counts_padding);
}

}  // namespace vizsla
