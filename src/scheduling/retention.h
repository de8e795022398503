// Which checkpoints a trial still needs. While it may go on: the best of its current run, the best
// of what it would resume to (a crash takes it back there), `last`, and its parent's that it begins
// with. After its end: the best
// alone. Pure.
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "src/study/objective.h"
#include "src/study/trial.h"

namespace vizsla {

std::set<std::string> CheckpointsToKeep(const Objective& objective, const Trial& trial,
                                        std::span<const EpochReport> reports);

struct Retention {
  Trial trial;                        // without `last` when it has ended
  std::vector<EpochReport> cleared;   // reports that no longer name their checkpoint
  std::vector<std::string> released;  // hashes that this trial named and names no more
};

// `before` is the trial as stored until now; `after` what it becomes, with its reports.
Retention Retain(const Objective& objective, const Trial& before, Trial after,
                 std::span<const EpochReport> reports);

}  // namespace vizsla
