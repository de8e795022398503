// A reader of the part of Python's pickle that a PyTorch state dict uses: numbers, texts, tuples,
// lists, dicts, torch's storages and rebuilt tensors. It is an interpreter of data: it never
// imports, calls or constructs anything, and a pickle that asks for another name is refused with
// that name.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/status.h"
#include "src/weights/tensor_file.h"

namespace vizsla {

// One value; others are named by their place in Pickle::values, so that no pickle, however deep or
// cyclic, makes anything here recursive.
struct PickleValue {
  enum class Kind {
    kMark,
    kNone,
    kBool,
    kInteger,
    kReal,
    kText,  // also bytes
    kTuple,
    kList,
    kDict,     // items: key, value, key, value, ...
    kGlobal,   // text: the allowed name; type: of a storage class
    kStorage,  // text: key of the storage in the archive; integer: elements; type
    kTensor,   // items[0]: the storage; integer: offset in elements; shape, strides
  };
  Kind kind = Kind::kNone;
  int64_t integer = 0;
  double real = 0;
  std::string text;
  std::vector<uint32_t> items;
  TensorType type = TensorType::kF32;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
};

struct Pickle {
  std::deque<PickleValue> values;
  uint32_t root = 0;
  const PickleValue& at(uint32_t place) const { return values[place]; }
};

// "a tuple", "a number", ... for messages.
std::string_view KindName(PickleValue::Kind kind);

// Protocols 2 to 5. InvalidArgument for what is refused, DataLoss for a pickle that is cut short or
// makes no sense; messages name the byte.
absl::StatusOr<Pickle> ReadPickle(std::string_view bytes);

}  // namespace vizsla
