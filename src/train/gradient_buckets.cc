#include "src/train/gradient_buckets.h"

#include <algorithm>

namespace vizsla {

std::vector<std::vector<size_t>> PlanBuckets(std::span<const size_t> parameter_bytes,
                                             const BucketSizes& sizes) {
  std::vector<std::vector<size_t>> buckets;
  size_t room = 0;
  for (size_t i = parameter_bytes.size(); i-- > 0;) {
    if (room == 0) {
      room = buckets.empty() ? sizes.first_bytes : sizes.bytes;
      buckets.emplace_back();
    }
    buckets.back().push_back(i);
    room -= std::min(room, parameter_bytes[i]);
  }
  return buckets;
}

}  // namespace vizsla
