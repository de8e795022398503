// Deterministic replay: from a study's log every suggestion, pruning, promotion, replacement,
// repeat and end is derived again, by the same samplers, pruners and rules over the rows as they
// were at that moment, and compared with what was decided then. A difference does not spread: what
// follows is derived from what really happened. Pure: no I/O, no clock.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "src/scheduling/decision_log.h"
#include "src/scheduling/trial_store.h"

namespace vizsla {

// How many decisions of each kind were derived again.
struct ReplayCounts {
  int64_t suggestions = 0;  // new trials of a sampler
  int64_t promotions = 0;   // past a rung, running or paused before
  int64_t prunings = 0;     // of running and of paused trials
  int64_t pauses = 0;
  int64_t continuations = 0;  // reports after which the pruner let the trial train on
  int64_t sources = 0;        // what waiting trials start from
  int64_t repeats = 0;        // more runs of configurations, final ones too
  int64_t replacements = 0;   // in a population
  int64_t rules = 0;          // what stopping rules said
  int64_t learned = 0;        // trials of earlier studies
  int64_t ends = 0;           // of stages and of the study
  bool operator==(const ReplayCounts&) const = default;
};

struct ReplayDifference {
  int64_t sequence = 0;  // the row of the log
  Timestamp at{};
  std::string decision;  // "the suggestion of trial 7"
  std::string logged;
  std::string derived;
  std::string inputs;  // what it was derived from, in short
};

struct ReplayResult {
  int64_t rows = 0;
  ReplayCounts counts;
  // Who decided, in order, without repetitions in a row.
  std::vector<ProgramEvent> programs;
  int64_t difference_count = 0;
  std::vector<ReplayDifference> differences;  // the first kMostDifferences
};

class DecisionReplay {
 public:
  static constexpr size_t kMostDifferences = 20;

  DecisionReplay();
  ~DecisionReplay();

  // The next row of the log, from the first on. FailedPrecondition: the log does not begin with the
  // study, which is older than the log. DataLoss: bytes that are no events.
  absl::Status Add(const DecisionRow& row);

  const ReplayResult& result() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vizsla
