// Named tensors in a file, without LibTorch: what the command line, the coordinator's clients and
// src/nn all need of weights and checkpoints. Reads .safetensors and PyTorch .pth/.pt state dicts
// (torch.save's zip; the pickle inside is interpreted by a reader that knows tensors, dicts,
// strings and numbers and runs no code). Writes .safetensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "src/base/status.h"

namespace vizsla {

// As safetensors names them.
enum class TensorType { kF32, kF64, kF16, kBF16, kI64, kI32, kI16, kI8, kU8, kBool };
size_t BytesOf(TensorType type);
std::string_view ToText(TensorType type);  // "F32", ...

// A view of one tensor: contiguous, row-major, little-endian. The bytes belong to the TensorFile.
struct TensorView {
  TensorType type = TensorType::kF32;
  std::vector<int64_t> shape;  // empty: a scalar
  std::span<const std::byte> bytes;
  int64_t element_count() const;
};

// Immutable after opening; thread-safe.
class TensorFile {
 public:
  // By content, not by ending. DataLoss or InvalidArgument name the file and what is wrong with it
  // (cut short, offsets that overlap or leave the file, an unknown type, a pickle that asks for
  // code).
  static absl::StatusOr<std::shared_ptr<const TensorFile>> Open(const std::string& path);

  virtual ~TensorFile() = default;
  virtual const std::map<std::string, TensorView>& tensors() const = 0;
  // safetensors' __metadata__; empty for .pth.
  virtual const std::map<std::string, std::string>& metadata() const = 0;
};

// The bytes of a .safetensors file (tensors sorted by name, 8-byte aligned header); deterministic,
// so that equal contents have equal hashes.
std::string SerializeSafetensors(const std::map<std::string, TensorView>& tensors,
                                 const std::map<std::string, std::string>& metadata);

}  // namespace vizsla
