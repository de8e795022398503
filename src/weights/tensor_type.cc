#include "src/base/check.h"
#include "src/weights/tensor_file.h"

namespace vizsla {

size_t BytesOf(TensorType type) {
  switch (type) {
    case TensorType::kF64:
    case TensorType::kI64:
      return 8;
    case TensorType::kF32:
    case TensorType::kI32:
      return 4;
    case TensorType::kF16:
    case TensorType::kBF16:
    case TensorType::kI16:
      return 2;
    case TensorType::kI8:
    case TensorType::kU8:
    case TensorType::kBool:
      return 1;
  }
  VIZSLA_CHECK(false);
}

std::string_view ToText(TensorType type) {
  switch (type) {
    case TensorType::kF32:
      return "F32";
    case TensorType::kF64:
      return "F64";
    case TensorType::kF16:
      return "F16";
    case TensorType::kBF16:
      return "BF16";
    case TensorType::kI64:
      return "I64";
    case TensorType::kI32:
      return "I32";
    case TensorType::kI16:
      return "I16";
    case TensorType::kI8:
      return "I8";
    case TensorType::kU8:
      return "U8";
    case TensorType::kBool:
      return "BOOL";
  }
  VIZSLA_CHECK(false);
}

int64_t TensorView::element_count() const {
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  return count;
}

}  // namespace vizsla
