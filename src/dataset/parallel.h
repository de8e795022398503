// A loop over independent items on a few threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <system_error>
#include <thread>
#include <vector>

namespace vizsla {

// Calls work(i) once for each i in [0, count), each on one of `threads` threads (the caller's is
// one of them; where the system gives no more threads, fewer), in no particular order; returns when
// all are done. `work` must not throw.
template <typename Work>
void ParallelFor(size_t count, int threads, const Work& work) {
  std::atomic<size_t> next{0};
  const auto run = [&] {
    for (size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) work(i);
  };
  std::vector<std::jthread> others;
  const size_t wanted = std::min(count, static_cast<size_t>(std::max(threads, 1)));
  try {
    for (size_t i = 1; i < wanted; ++i) others.emplace_back(run);
  } catch (const std::system_error&) {
  }
  run();
}

}  // namespace vizsla
