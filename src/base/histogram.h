// Counts of observations by size, cheap enough for every call: an observation is a short search
// and two atomic additions, without a lock. Who shows them reads a snapshot.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace vizsla {

struct HistogramSnapshot {
  std::vector<double> bounds;        // upper ones, inclusive, ascending
  std::vector<uint64_t> cumulative;  // how many were at most bounds[i]
  uint64_t count = 0;                // of all, also beyond the last bound
  double sum = 0;
};

// Thread-safe. A snapshot taken meanwhile may miss the newest observations, but its buckets never
// count more than its total.
class Histogram {
 public:
  explicit Histogram(std::span<const double> bounds);  // ascending, at least one
  void Observe(double value);
  void Observe(std::chrono::steady_clock::duration duration);  // in seconds
  HistogramSnapshot Snapshot() const;

 private:
  const std::vector<double> bounds_;
  const std::unique_ptr<std::atomic<uint64_t>[]> buckets_;  // one more than bounds
  std::atomic<double> sum_{0};
};

// In seconds, from 100 microseconds to 10 s: calls, commits, suggestions.
std::span<const double> LatencyBounds();

}  // namespace vizsla
