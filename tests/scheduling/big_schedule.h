// A thousand workers that compete for some hundred trials of TPE under ASHA.
#pragma once

#include "tests/scheduling/cluster_simulation.h"

namespace vizsla {

inline Schedule BigSchedule(uint64_t seed, int trials) {
  Schedule schedule;
  schedule.seed = seed;
  schedule.spec = SmallSpec("dogs", trials, 9);
  schedule.spec.sampler = TpeOptions();
  AshaOptions asha;
  asha.eta = 3;
  schedule.spec.pruner = asha;
  schedule.workers = 1000;
  schedule.longest_step = Milliseconds(10);  // each worker steps every five seconds
  schedule.chaos_steps = 30'000;
  schedule.calm_steps = 300'000;
  schedule.check_every = 5000;
  return schedule;
}

}  // namespace vizsla
