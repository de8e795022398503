// One photo from its container into its place among the pixels.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "src/base/status.h"
#include "src/dataset/index.h"

namespace vizsla {

struct DecodedPhoto {
  std::string sha256;                 // of the bytes read
  std::optional<std::string> broken;  // why there are no pixels; they are black then
};

// Reads, decodes and resizes to the square that `pixels` (size x size x 3 bytes) has room for. A
// photo that was never hashed and cannot be read is broken; for others the reader's errors pass
// through. FailedPrecondition when the bytes are not those that were indexed. ResourceExhausted,
// naming the photo, when memory ran out. Does not throw.
absl::StatusOr<DecodedPhoto> DecodeInto(const Photo& photo, const PhotoReader& reader,
                                        int image_size, std::span<uint8_t> pixels);

}  // namespace vizsla
