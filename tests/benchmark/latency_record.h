// Latencies of one kind of call, all of them kept: percentiles are exact.
#pragma once

#include <algorithm>
#include <chrono>
#include <mutex>
#include <nlohmann/json.hpp>
#include <vector>

namespace vizsla {

// Thread-safe.
class LatencyRecord {
 public:
  void Add(std::chrono::steady_clock::duration latency) {
    std::lock_guard lock(mutex_);
    milliseconds_.push_back(std::chrono::duration<double, std::milli>(latency).count());
  }

  // {"calls", "p50_ms", "p99_ms", "max_ms"}; null without calls.
  nlohmann::json Summary() const {
    std::lock_guard lock(mutex_);
    if (milliseconds_.empty()) return nullptr;
    std::vector<double> sorted = milliseconds_;
    std::sort(sorted.begin(), sorted.end());
    const auto at = [&](double share) {
      return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))];
    };
    return {{"calls", sorted.size()},
            {"p50_ms", at(0.50)},
            {"p99_ms", at(0.99)},
            {"max_ms", sorted.back()}};
  }

 private:
  mutable std::mutex mutex_;
  std::vector<double> milliseconds_;  // guarded by mutex_
};

}  // namespace vizsla
