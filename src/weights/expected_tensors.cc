#include "src/weights/expected_tensors.h"

#include <set>
#include <utility>

#include "src/weights/escape_name.h"

namespace vizsla {
namespace {

bool IsFloating(TensorType type) {
  return type == TensorType::kF32 || type == TensorType::kF64 || type == TensorType::kF16 ||
         type == TensorType::kBF16;
}

bool IsCounter(std::string_view name) { return name.ends_with("num_batches_tracked"); }

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

}  // namespace

absl::Status CheckTensors(const std::vector<ExpectedTensor>& expected,
                          const std::map<std::string, TensorView>& given, std::string_view place) {
  std::vector<std::string> missing, unexpected, wrong;
  std::set<std::string> known;
  for (const ExpectedTensor& tensor : expected) {
    known.insert(tensor.name);
    const auto found = given.find(tensor.name);
    if (found == given.end()) {
      if (!IsCounter(tensor.name)) missing.push_back(tensor.name);
    } else if (found->second.shape != tensor.shape) {
      wrong.push_back(StrCat(tensor.name, " (", ShapeText(found->second.shape), ", not ",
                             ShapeText(tensor.shape), ")"));
    } else if (IsFloating(found->second.type) != tensor.floating) {
      wrong.push_back(
          StrCat(tensor.name, " (of type ", std::string(ToText(found->second.type)), ")"));
    }
  }
  for (const auto& [name, view] : given) {
    if (!known.contains(name)) unexpected.push_back(EscapeName(name));
  }
  std::vector<std::string> parts;
  AppendList("missing", missing, parts);
  AppendList("unexpected", unexpected, parts);
  AppendList("wrong-shaped", wrong, parts);
  if (parts.empty()) return absl::OkStatus();
  std::string message(place);
  for (size_t i = 0; i < parts.size(); ++i) absl::StrAppend(&message, i ? "; " : ": ", parts[i]);
  return absl::InvalidArgumentError(message);
}

}  // namespace vizsla
