// Arithmetic on shapes that a file claims.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace vizsla {

// The product of the sizes; nullopt when one is negative or the product times 8 bytes leaves 63
// bits. A size of zero makes it zero whatever the others are.
inline std::optional<int64_t> CheckedElementCount(std::span<const int64_t> shape) {
  constexpr int64_t kMost = INT64_MAX / 8;
  int64_t count = 1;
  bool empty = false;
  for (int64_t size : shape) {
    if (size < 0) return std::nullopt;
    if (size == 0) {
      empty = true;
      continue;
    }
    if (count > kMost / size) return std::nullopt;
    count *= size;
  }
  return empty ? 0 : count;
}

}  // namespace vizsla
