// A study's trials as its samplers see them: one trial for each configuration, however many runs
// that has, numbered 1, 2, 3 ... without gaps. Final runs are never seen. Without repeats these are
// the trials themselves. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "src/study/trial.h"

namespace vizsla {

class ConfigurationView {
 public:
  // `repeated`: configurations have more runs than one. Otherwise nothing is remembered of a trial.
  explicit ConfigurationView(bool repeated) : repeated_(repeated) {}

  // Takes the newest state of a trial; returns its configuration as one trial, or nullopt for a
  // final run. The configuration has no score while one of its runs goes on: to the sampler it is
  // pending, then it is the mean (AsOneTrial in trial_groups.h). First runs must be added in the
  // order of their numbers, before their repeats.
  std::optional<Trial> Add(const Trial& trial);

  // The number of the next configuration.
  int64_t next_number() const { return last_number_ + 1; }

 private:
  struct Entry {
    int64_t number = 0;
    std::map<int64_t, Trial> runs;  // by their numbers
  };
  bool repeated_;
  int64_t last_number_ = 0;
  std::map<int64_t, Entry> configurations_;  // by the first run's number; empty without repeats
};

}  // namespace vizsla
