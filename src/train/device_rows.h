// Rows of a feature cache in a GPU's memory, so that a step gathers its batch there: from the host
// it would take longer to bring it than to train on it.
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <memory>
#include <span>

#include "src/dataset/batch_source.h"
#include "src/train/feature_cache.h"

namespace vizsla {

// What of a cache's rows is kept: numbers [first_float, first_float + float_count) of each photo in
// each of the first `view_count` views.
struct RowRangeOfCache {
  size_t first_float = 0;
  size_t float_count = 0;
  int view_count = 1;
  bool operator==(const RowRangeOfCache&) const = default;
};

// Immutable; thread-safe.
class DeviceRows {
 public:
  // Copies them; the rows must be ready. Waits until they are there. LibTorch's exceptions travel
  // through.
  DeviceRows(const FeatureCache& cache, const RowRangeOfCache& range, const torch::Device& device);

  static uint64_t Bytes(const FeatureCache& cache, const RowRangeOfCache& range) {
    return cache.TotalRows(range.view_count) * range.float_count * sizeof(float);
  }

  // views.size() x float_count, float32, on the device; does not wait for it.
  torch::Tensor Gather(std::span<const PhotoView> views) const;

 private:
  const int view_count_;
  torch::Tensor rows_;  // (photo, view) x float_count
};

// Those of this process: copied once, kept for the trials to come as long as the cache is open.
// Null when the GPU has no room for them beside what trains (they may take a quarter of what is
// free), or the device is a CPU, where the cache itself is as near. Thread-safe.
std::shared_ptr<const DeviceRows> SharedDeviceRows(const std::shared_ptr<FeatureCache>& cache,
                                                   const RowRangeOfCache& range,
                                                   const torch::Device& device);

// Gives back the device's memory of those that no trial holds. Thread-safe.
void DropIdleDeviceRows(const torch::Device& device);

}  // namespace vizsla
