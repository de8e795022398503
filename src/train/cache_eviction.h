// Which caches make room for one that is to be filled. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace vizsla {

struct CacheOnDisk {
  std::string name;
  uint64_t bytes = 0;  // on disk now
  // What it will grow to; counts while somebody uses it: those who wait have been promised room.
  uint64_t promised_bytes = 0;
  std::chrono::system_clock::time_point last_use;
  bool in_use = false;
};

struct CacheRoom {
  uint64_t budget = 0;     // bytes of all caches together
  uint64_t disk_free = 0;  // bytes that they may still grow by, whatever the budget
};

struct EvictionPlan {
  bool fits = true;
  std::vector<std::string> goes;  // the least recently used first; empty when nothing would help
  // What there is to say when it does not fit.
  uint64_t missing = 0;    // bytes, after all that may go is gone
  uint64_t kept_used = 0;  // bytes of caches in use, with what they were promised
};

// `caches` holds those to be filled as well: in use, with what they need as their promise. Never
// proposes one in use, nor more than needed; nothing at all when even everything would not do.
EvictionPlan PlanEviction(std::vector<CacheOnDisk> caches, const CacheRoom& room);

}  // namespace vizsla
