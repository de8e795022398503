// How gradients are packed for the network: few large messages instead of one a parameter. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace vizsla {

// The first message is small, so that it can leave while the backward pass goes on; the rest large
// enough to use the network (the sizes of PyTorch's DistributedDataParallel).
inline constexpr size_t kFirstBucketBytes = size_t{1} << 20;
inline constexpr size_t kBucketBytes = size_t{25} << 20;
struct BucketSizes {
  size_t first_bytes = kFirstBucketBytes;
  size_t bytes = kBucketBytes;
};

// Indices of parameters, bucket by bucket, in reverse order: the gradients of the last layers are
// ready first. A bucket is closed when it has reached its size; a parameter is never divided.
std::vector<std::vector<size_t>> PlanBuckets(std::span<const size_t> parameter_bytes,
                                             const BucketSizes& sizes = {});

}  // namespace vizsla
