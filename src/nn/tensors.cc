#include "src/nn/tensors.h"

#include <cstring>

#include "src/base/check.h"
#include "src/nn/device_graph.h"
#include "src/weights/expected_tensors.h"

namespace vizsla {
namespace {

torch::ScalarType ToScalarType(TensorType type) {
  switch (type) {
    case TensorType::kF32:
      return torch::kFloat32;
    case TensorType::kF64:
      return torch::kFloat64;
    case TensorType::kF16:
      return torch::kFloat16;
    case TensorType::kBF16:
      return torch::kBFloat16;
    case TensorType::kI64:
      return torch::kInt64;
    case TensorType::kI32:
      return torch::kInt32;
    case TensorType::kI16:
      return torch::kInt16;
    case TensorType::kI8:
      return torch::kInt8;
    case TensorType::kU8:
      return torch::kUInt8;
    case TensorType::kBool:
      return torch::kBool;
  }
  VIZSLA_CHECK(false);
}

TensorType ToTensorType(torch::ScalarType type) {
  for (TensorType candidate :
       {TensorType::kF32, TensorType::kF64, TensorType::kF16, TensorType::kBF16, TensorType::kI64,
        TensorType::kI32, TensorType::kI16, TensorType::kI8, TensorType::kU8, TensorType::kBool}) {
    if (ToScalarType(candidate) == type) return candidate;
  }
  VIZSLA_CHECK(false);
}

}  // namespace

torch::Tensor ToTensor(const TensorView& view) {
  const torch::ScalarType type = ToScalarType(view.type);
  if (view.bytes.empty()) return torch::empty(view.shape, type);
  const auto address = reinterpret_cast<uintptr_t>(view.bytes.data());
  if (address % BytesOf(view.type) == 0) {
    return torch::from_blob(const_cast<std::byte*>(view.bytes.data()), view.shape, type);
  }
  torch::Tensor copy = torch::empty(view.shape, type);
  std::memcpy(copy.data_ptr(), view.bytes.data(), view.bytes.size());
  return copy;
}

torch::Tensor ToDevice(const torch::Tensor& tensor, const torch::Device& device) {
  if (device.is_cpu()) return tensor;
  TORCH_CHECK(!DeviceGraph::IsRecording(), "memory of the processor is read in it");
  return tensor.pin_memory().to(device, /*non_blocking=*/true);
}

torch::Tensor ToDevice(const std::vector<int64_t>& numbers, const torch::Device& device) {
  return ToDevice(torch::tensor(torch::ArrayRef<int64_t>(numbers)), device);
}

TensorViews ToViews(const NamedTensors& tensors) {
  TensorViews result;
  for (const auto& [name, tensor] : tensors) {
    const torch::Tensor owner = tensor.detach().to(torch::kCPU).contiguous();
    TensorView view;
    view.type = ToTensorType(owner.scalar_type());
    view.shape = owner.sizes().vec();
    view.bytes = {static_cast<const std::byte*>(owner.data_ptr()), owner.nbytes()};
    result.views.emplace(name, std::move(view));
    result.owners.push_back(owner);
  }
  return result;
}

absl::Status CopyInto(const NamedTensors& target, const std::map<std::string, TensorView>& source,
                      std::string_view place) {
  std::vector<ExpectedTensor> expected;
  for (const auto& [name, tensor] : target) {
    expected.push_back({name, tensor.sizes().vec(), tensor.is_floating_point()});
  }
  VIZSLA_RETURN_IF_ERROR(CheckTensors(expected, source, place));
  const torch::NoGradGuard no_gradients;
  for (const auto& [name, tensor] : target) {
    const auto found = source.find(name);
    if (found != source.end()) torch::Tensor(tensor).copy_(ToTensor(found->second));
  }
  return absl::OkStatus();
}

}  // namespace vizsla
