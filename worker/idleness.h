// What a worker does that has asked for a lease and got none: leave, or ask again after a while.
// Pure but for the log, to which the reason goes once. One thread.
#pragma once

#include <chrono>
#include <string>

#include "src/scheduling/scheduler.h"

namespace vizsla {

// How long a worker that waits keeps feature caches open that no trial of it has asked for: other
// jobs of the node may want the room.
constexpr std::chrono::minutes kIdleFeaturesKept{10};

class Idleness {
 public:
  enum class Next {
    kAskAgain,
    kRegisterAndAsk,  // a new study may want weights that this worker could fetch by now
    kLeave,
  };

  // `wait`: stay when nothing is left.
  explicit Idleness(bool wait) : wait_(wait) {}

  // After an answer without a lease, when this worker has no trial at all.
  Next Decide(const Acquired& answer);
  // After an answer with one: the next reason is news again.
  void GotLease() { told_.clear(); }

  // Before asking again, as the coordinator wishes, within bounds: the other ranks wait in a
  // broadcast meanwhile, which has a deadline, and a drain is to be noticed.
  static std::chrono::milliseconds Pause(const Acquired& answer);

 private:
  const bool wait_;
  std::string told_;
};

}  // namespace vizsla
