#include "src/train/device_rows.h"

#include <algorithm>
#include <list>
#include <mutex>
#include <vector>

#include "src/nn/device_stream.h"
#include "src/nn/tensors.h"

namespace vizsla {
namespace {

// Of one copy to the GPU, whose pinned memory LibTorch keeps.
constexpr uint64_t kChunkBytes = uint64_t{16} << 20;

struct Kept {
  std::weak_ptr<FeatureCache> cache;
  RowRangeOfCache range;
  torch::Device device;
  std::shared_ptr<const DeviceRows> rows;
};

struct AllKept {
  std::mutex mutex;
  std::list<Kept> rows;  // guarded by mutex
};

// With the lock held.
bool DropIdle(AllKept& kept) {
  return kept.rows.remove_if([](const Kept& one) { return one.rows.use_count() == 1; }) > 0;
}

AllKept& TheKept() {
  static auto& kept = *new AllKept;  // outlives every thread
  return kept;
}

}  // namespace

DeviceRows::DeviceRows(const FeatureCache& cache, const RowRangeOfCache& range,
                       const torch::Device& device)
    : view_count_(range.view_count) {
  const auto count = static_cast<int64_t>(cache.TotalRows(range.view_count));
  const auto floats = static_cast<int64_t>(range.float_count);
  rows_ = torch::empty({count, floats}, torch::dtype(torch::kFloat32).device(device));
  const int64_t rows_at_once =
      std::max<int64_t>(1, static_cast<int64_t>(kChunkBytes / (range.float_count * sizeof(float))));
  for (int64_t first = 0; first < count; first += rows_at_once) {
    const int64_t rows = std::min(rows_at_once, count - first);
    const torch::Tensor chunk = torch::empty({rows, floats});
    float* row = chunk.data_ptr<float>();
    for (int64_t i = first; i < first + rows; ++i, row += floats) {
      cache.ReadRow(static_cast<uint32_t>(i / view_count_), static_cast<int>(i % view_count_),
                    range.first_float, range.float_count, row);
    }
    rows_.narrow(0, first, rows).copy_(ToDevice(chunk, device));
  }
  // Other streams may read them from now on.
  WaitForCurrentStream(device);
}

torch::Tensor DeviceRows::Gather(std::span<const PhotoView> views) const {
  std::vector<int64_t> numbers;
  numbers.reserve(views.size());
  for (const PhotoView& view : views) {
    numbers.push_back(static_cast<int64_t>(view.photo) * view_count_ + view.view_number);
  }
  return rows_.index_select(0, ToDevice(numbers, rows_.device()));
}

std::shared_ptr<const DeviceRows> SharedDeviceRows(const std::shared_ptr<FeatureCache>& cache,
                                                   const RowRangeOfCache& range,
                                                   const torch::Device& device) {
  if (device.is_cpu()) return nullptr;
  AllKept& kept = TheKept();
  const std::lock_guard lock(kept.mutex);
  kept.rows.remove_if(
      [](const Kept& one) { return one.cache.expired() && one.rows.use_count() == 1; });
  for (const Kept& one : kept.rows) {
    if (one.cache.lock() == cache && one.range == range && one.device == device) return one.rows;
  }
  const auto has_room = [&] {
    return DeviceRows::Bytes(*cache, range) <= FreeDeviceBytes(device) / 4;
  };
  if (!has_room()) {
    DropIdle(kept);
    GiveBackDeviceMemory(device);  // what LibTorch keeps of trials before, and of their recordings
    if (!has_room()) return nullptr;
  }
  try {
    auto rows = std::make_shared<const DeviceRows>(*cache, range, device);
    kept.rows.push_back({cache, range, device, rows});
    return rows;
  } catch (const c10::OutOfMemoryError&) {  // somebody else has taken it meanwhile
    return nullptr;
  }
}

void DropIdleDeviceRows(const torch::Device& device) {
  AllKept& kept = TheKept();
  const std::lock_guard lock(kept.mutex);
  if (DropIdle(kept)) GiveBackDeviceMemory(device);
}

}  // namespace vizsla
