// How a rank waits for the others: a short spin for the common case of ranks in step, then sleeps,
// so that an idle rank leaves its core to those that work.
#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

namespace vizsla {

class PoliteWait {
 public:
  // Call when a poll has brought something and more is about to come: for a short time pauses are
  // none, as a core that is given away comes back late where others want it.
  void Progressed() {
    using namespace std::chrono_literals;
    busy_until_ = std::chrono::steady_clock::now() + 200us;
    pause_ = 20us;
  }
  // Call after every unsuccessful poll.
  void Pause() {
    using namespace std::chrono_literals;
    const auto now = std::chrono::steady_clock::now();
    if (now < busy_until_) return;
    const auto waited = now - start_;
    if (waited < 100us) {
      std::this_thread::yield();
      return;
    }
    std::this_thread::sleep_for(pause_);
    // Up to 200 us while the others are near; a rank that waits for seconds sleeps a millisecond.
    pause_ = std::min<std::chrono::microseconds>(pause_ * 2, waited < 2s ? 200us : 1000us);
  }
  std::chrono::steady_clock::duration elapsed() const {
    return std::chrono::steady_clock::now() - start_;
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point busy_until_;
  std::chrono::microseconds pause_{20};
};

}  // namespace vizsla
