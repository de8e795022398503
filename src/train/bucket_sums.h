// The memory that gradients travel in, and how it reaches the transport.
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "src/train/gradient_type.h"
#include "src/train/voting_group.h"

namespace vizsla {

// The buckets of one GradientReducer. Where the transport sums what is in a GPU's memory, a bucket
// never leaves it, and nothing here waits for the GPU; where it does not, a bucket of a GPU's is
// copied to the host and back, which does. All work on the device is in LibTorch's current stream.
// Not thread-safe. LibTorch's exceptions travel through.
class BucketSums {
 public:
  // `sizes`: numbers of each bucket. `group` outlives this object.
  BucketSums(const std::vector<int64_t>& sizes, torch::Device device, GradientType type,
             VotingGroup& group);

  // Where the gradients of a bucket are gathered, and their sums are found: one dimension, on the
  // device, of the type that travels. Assigning float32 rounds to it.
  const torch::Tensor& values(size_t bucket) const { return buckets_[bucket].values; }

  // Starts the sum of what has been gathered.
  void Start(size_t bucket);
  // Starts the sums of this bucket and the later ones with whatever their memory holds.
  void StartFrom(size_t bucket);
  // After the group's FinishSums: the sums are in `values`.
  void Fetch(size_t bucket);

 private:
  struct Bucket {
    torch::Tensor values;
    torch::Tensor sent;  // the same memory, unless the transport needs it on the host
  };
  void StartSum(const Bucket& bucket);

  VotingGroup& group_;
  std::vector<Bucket> buckets_;
};

}  // namespace vizsla
