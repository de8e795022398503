#include "src/nn/tensors.h"

#include <set>

#include "src/base/check.h"

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

std::string ShapeText(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) absl::StrAppend(&text, i ? ", " : "", shape[i]);
  return text + "]";
}

// "missing: a, b and 3 more", or nothing for an empty list.
void AppendList(const char* what, const std::vector<std::string>& names,
                std::vector<std::string>& parts) {
  if (names.empty()) return;
  constexpr size_t kShown = 10;
  std::string text = StrCat(what, ": ");
  for (size_t i = 0; i < names.size() && i < kShown; ++i) {
    absl::StrAppend(&text, i ? ", " : "", names[i]);
  }
  if (names.size() > kShown) absl::StrAppend(&text, " and ", names.size() - kShown, " more");
  parts.push_back(std::move(text));
}

bool IsCounter(const std::string& name) { return name.ends_with("num_batches_tracked"); }

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
  std::vector<std::string> missing, unexpected, wrong;
  std::set<std::string> known;
  for (const auto& [name, tensor] : target) {
    known.insert(name);
    const auto found = source.find(name);
    if (found == source.end()) {
      if (!IsCounter(name)) missing.push_back(name);
      continue;
    }
    const torch::ScalarType type = ToScalarType(found->second.type);
    if (found->second.shape != tensor.sizes().vec()) {
      wrong.push_back(StrCat(name, " (", ShapeText(found->second.shape), ", not ",
                             ShapeText(tensor.sizes().vec()), ")"));
    } else if (torch::isFloatingType(type) != tensor.is_floating_point()) {
      wrong.push_back(StrCat(name, " (of type ", std::string(ToText(found->second.type)), ")"));
    }
  }
  for (const auto& [name, view] : source) {
    if (!known.count(name)) unexpected.push_back(name);
  }
  std::vector<std::string> parts;
  AppendList("missing", missing, parts);
  AppendList("unexpected", unexpected, parts);
  AppendList("wrong-shaped", wrong, parts);
  if (!parts.empty()) {
    std::string message(place);
    for (size_t i = 0; i < parts.size(); ++i) absl::StrAppend(&message, i ? "; " : ": ", parts[i]);
    return absl::InvalidArgumentError(message);
  }
  const torch::NoGradGuard no_gradients;
  for (const auto& [name, tensor] : target) {
    const auto found = source.find(name);
    if (found != source.end()) torch::Tensor(tensor).copy_(ToTensor(found->second));
  }
  return absl::OkStatus();
}

}  // namespace vizsla
