// Between LibTorch's tensors and the files' views of src/weights.
#pragma once

#include <torch/torch.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/base/status.h"
#include "src/weights/tensor_file.h"

namespace vizsla {

// Parameters and buffers by their names in the state dict, in the order of the network's layers.
// The tensors share the model's memory.
using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

// A tensor over the view's bytes, which must outlive it and must not be written through it; a copy
// when the bytes are not aligned for their type. On the CPU.
torch::Tensor ToTensor(const TensorView& view);

// A tensor of the CPU's on the device (itself, when that is the CPU). To a GPU it goes through
// pinned memory: the call does not wait for what the GPU is doing, and the tensor may be changed as
// soon as it returns.
torch::Tensor ToDevice(const torch::Tensor& tensor, const torch::Device& device);

// The numbers as an int64 tensor of one dimension on the device, in the same way.
torch::Tensor ToDevice(const std::vector<int64_t>& numbers, const torch::Device& device);

// Views for SerializeSafetensors. `owners` keeps the viewed memory alive: tensors on the CPU that
// are contiguous are viewed in place (writing to them changes the views), others are copied.
struct TensorViews {
  std::map<std::string, TensorView> views;
  std::vector<torch::Tensor> owners;
};
TensorViews ToViews(const NamedTensors& tensors);

// Copies `source` into the tensors of `target` of the same names (in place; any device; the type is
// converted among floating-point types). All or nothing: InvalidArgument "<place>: ..." lists
// missing, unexpected and wrong-shaped names, each list cut after 10 names, and leaves the target
// as it was. Missing `num_batches_tracked` counters are no mismatch: files not written by PyTorch
// lack them.
absl::Status CopyInto(const NamedTensors& target, const std::map<std::string, TensorView>& source,
                      std::string_view place);

}  // namespace vizsla
