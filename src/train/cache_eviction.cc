#include "src/train/cache_eviction.h"

#include <algorithm>
#include <tuple>

namespace vizsla {

EvictionPlan PlanEviction(std::vector<CacheOnDisk> caches, const CacheRoom& room) {
  EvictionPlan plan;
  uint64_t idle = 0;
  uint64_t growth = 0;
  for (const CacheOnDisk& cache : caches) {
    if (!cache.in_use) {
      idle += cache.bytes;
      continue;
    }
    plan.kept_used += std::max(cache.bytes, cache.promised_bytes);
    growth += std::max(cache.bytes, cache.promised_bytes) - cache.bytes;
  }
  const uint64_t used = plan.kept_used + idle;
  const uint64_t over_budget = used > room.budget ? used - room.budget : 0;
  const uint64_t over_disk = growth > room.disk_free ? growth - room.disk_free : 0;
  uint64_t shortage = std::max(over_budget, over_disk);
  if (shortage > idle) {
    plan.fits = false;
    plan.missing = shortage - idle;
    return plan;
  }
  std::sort(caches.begin(), caches.end(), [](const CacheOnDisk& a, const CacheOnDisk& b) {
    return std::tie(a.last_use, a.name) < std::tie(b.last_use, b.name);
  });
  for (const CacheOnDisk& cache : caches) {
    if (shortage == 0) break;
    if (cache.in_use || cache.bytes == 0) continue;
    plan.goes.push_back(cache.name);
    shortage -= std::min(shortage, cache.bytes);
  }
  return plan;
}

}  // namespace vizsla
