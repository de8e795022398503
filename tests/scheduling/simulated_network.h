// What can happen to a call between a worker and the coordinator: it is lost, its answer is lost,
// it arrives twice (the copy whenever it likes, so out of order too), or the worker is cut off for
// a while.
#pragma once

#include <functional>
#include <map>
#include <utility>

#include "src/base/clock.h"
#include "src/base/random.h"

namespace vizsla {

struct NetworkFaults {
  double lost_request = 0;
  double lost_answer = 0;
  double copied = 0;
};

class SimulatedNetwork {
 public:
  enum class Fate { kAnswered, kLost, kAnswerLost };

  SimulatedNetwork(RandomStream& random, Clock& clock) : random_(random), clock_(clock) {}

  void set_faults(const NetworkFaults& faults) { faults_ = faults; }

  // Runs `call` unless it is lost; says whether its sender hears of it. `copy` runs it again, for
  // nobody, some time later.
  Fate Send(const std::function<void()>& call, const std::function<void()>& copy) {
    if (random_.Bernoulli(faults_.copied)) {
      const Milliseconds delay(static_cast<int64_t>(random_.UniformInt(90'000)));
      late_.emplace(clock_.Now() + delay, copy);
    }
    if (random_.Bernoulli(faults_.lost_request)) return Fate::kLost;
    call();
    return random_.Bernoulli(faults_.lost_answer) ? Fate::kAnswerLost : Fate::kAnswered;
  }

  // The copies whose time has come.
  void Deliver() {
    while (!late_.empty() && late_.begin()->first <= clock_.Now()) {
      const std::function<void()> call = std::move(late_.begin()->second);
      late_.erase(late_.begin());
      call();
    }
  }

 private:
  RandomStream& random_;
  Clock& clock_;
  NetworkFaults faults_;
  std::multimap<Timestamp, std::function<void()>> late_;
};

}  // namespace vizsla
