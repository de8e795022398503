// Between the batches of the data side and tensors.
#pragma once

#include <torch/torch.h>

#include <span>

#include "src/nn/tensors.h"
#include "src/train/prefetcher.h"

namespace vizsla {

// N x 3 x S x S. On the CPU in the batch's own memory: valid as long as the batch.
inline torch::Tensor ToImages(Prefetcher::Batch& batch, int image_size,
                              const torch::Device& device) {
  return ToDevice(torch::from_blob(batch.pixels.data(), {static_cast<int64_t>(batch.views.size()),
                                                         3, image_size, image_size}),
                  device);
}

// How many threads render a batch beside the training: one where the processor trains, all of this
// thread's where a GPU does.
inline int RenderThreads(const torch::Device& device) {
  return device.is_cpu() ? 1 : at::get_num_threads();
}

// Calls `use` with the numbers of a tensor as floats, row-major. Waits for the GPU.
template <typename Use>
auto WithValues(const torch::Tensor& tensor, Use&& use) {
  const torch::Tensor values = tensor.detach().to(torch::kCPU, torch::kFloat32).contiguous();
  return use(std::span<const float>(values.data_ptr<float>(), static_cast<size_t>(values.numel())));
}

}  // namespace vizsla
