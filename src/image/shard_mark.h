// The mark that says that one shard of a photo cache is whole.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/status.h"
#include "src/image/photo_cache.h"

namespace vizsla {

struct ShardMark {
  std::string key;        // of the cache
  uint32_t first = 0;     // photo
  uint32_t count = 0;     // photos
  uint64_t checksum = 0;  // PixelChecksum of the shard's pixels
  std::vector<BrokenPhoto> broken;
};

std::string ToJsonText(const ShardMark& mark);
// DataLoss for anything but a mark.
absl::StatusOr<ShardMark> ShardMarkFromJsonText(std::string_view text);

// Finds damage, at memory speed; no protection against intent.
uint64_t PixelChecksum(std::span<const uint8_t> pixels);

}  // namespace vizsla
