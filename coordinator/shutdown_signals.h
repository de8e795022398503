// SIGTERM, SIGINT and SIGHUP as an event of the main loop instead of a handler.
#pragma once

#include <chrono>
#include <optional>

namespace vizsla {

// Blocks the signals in the calling thread and in all that it starts: construct it before any
// thread.
class ShutdownSignals {
 public:
  ShutdownSignals();
  // Waits up to `timeout`; the signal that came, or nullopt.
  std::optional<int> Wait(std::chrono::milliseconds timeout);
};

}  // namespace vizsla
