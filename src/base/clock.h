// Time is passed in, so that leases and budgets can be tested without waiting.
#pragma once

#include <chrono>
#include <mutex>

namespace vizsla {

using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;
using Milliseconds = std::chrono::milliseconds;

// Thread-safe. Wall-clock time in UTC, millisecond resolution (what is stored and shown).
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp Now() = 0;
};

// The machine's clock; lives for the whole process.
Clock& SystemClock();

// Moves only when told to.
class ManualClock : public Clock {
 public:
  explicit ManualClock(Timestamp start) : now_(start) {}
  Timestamp Now() override;
  void Advance(Milliseconds step);

 private:
  std::mutex mutex_;
  Timestamp now_;  // guarded by mutex_
};

int64_t ToUnixMillis(Timestamp time);
Timestamp FromUnixMillis(int64_t millis);

}  // namespace vizsla
