// Padding as torchvision and as TensorFlow do it, and the max and average pools of a graph's layer.
#pragma once

#include <torch/torch.h>

#include "src/catalog/network_graph.h"
#include "src/catalog/training_plan.h"

namespace vizsla {

// TensorFlow's "SAME": all padding of one side length, of which the larger half lies at the end.
int64_t SamePadding(int64_t size, int64_t kernel, int64_t stride);

// Whether a layer with this padding pads as TensorFlow's "SAME" rather than on each side equally.
inline bool PadsAsSame(const Extent& padding, int64_t stride, Padding style) {
  return style == Padding::kTfSame && stride > 1 && (padding.rows > 0 || padding.columns > 0);
}

// x (N x C x h x w) with "SAME" padding for this kernel, filled with `value`.
torch::Tensor PadAsSame(const torch::Tensor& x, const Extent& kernel, int64_t stride, double value);

torch::Tensor MaxPool(const torch::Tensor& x, const GraphLayer& layer, Padding style);
// With torchvision's padding the zeros around the map count as elements (count_include_pad) where
// the layer says so, with TensorFlow's they never do.
torch::Tensor AveragePool(const torch::Tensor& x, const GraphLayer& layer, Padding style);

}  // namespace vizsla
