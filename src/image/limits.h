// How large a photo may be. A few bytes can claim a picture that fills the memory.
#pragma once

#include <cstdint>

#include "src/base/status.h"

namespace vizsla {

inline constexpr uint64_t kMaxPixels = 100'000'000;

inline bool IsWithinPixelLimit(uint32_t width, uint32_t height) {
  return uint64_t{width} * height <= kMaxPixels;
}

inline absl::Status TooManyPixels(uint32_t width, uint32_t height) {
  return absl::ResourceExhaustedError(StrCat("the photo says that it has ", width, "x", height,
                                             " pixels; more than 100 million are refused"));
}

}  // namespace vizsla
