// How a trial group works on its leases.
#pragma once

#include <string>

#include "src/train/trainer.h"

namespace vizsla {

struct SessionOptions {
  bool wait = false;  // stay when nothing is left
  TrainerOptions trainer;
  std::string worker_name;  // "host:pid/group"
  std::string study;        // only this one; empty: any that fits
  int trials_at_once = 1;   // of heads on cached features: see lease_bundle.h
  int threads = 1;          // of the process
};

}  // namespace vizsla
