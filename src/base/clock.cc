#include "src/base/clock.h"

namespace vizsla {
namespace {

class RealClock : public Clock {
 public:
  Timestamp Now() override {
    return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now());
  }
};

}  // namespace

Clock& SystemClock() {
  static RealClock clock;
  return clock;
}

Timestamp ManualClock::Now() {
  std::lock_guard lock(mutex_);
  return now_;
}

void ManualClock::Advance(Milliseconds step) {
  std::lock_guard lock(mutex_);
  now_ += step;
}

int64_t ToUnixMillis(Timestamp time) { return time.time_since_epoch().count(); }
Timestamp FromUnixMillis(int64_t millis) { return Timestamp(Milliseconds(millis)); }

}  // namespace vizsla
