// What a replay says of trials and decisions. Internal to src/scheduling.
#pragma once

#include <string>

#include "src/pruning/pruner.h"
#include "src/scheduling/replay_rows.h"

namespace vizsla {

std::string ToText(PruneDecision decision);

// What its creation or its source decides: "trial 7 of stage 1: {"units":2}, from trial 3".
std::string DescribeTrial(const Trial& trial);
std::string DescribeProgress(const StopProgress& progress);
std::string DescribeStop(const StopDecision& decision);
// "trials 4, 7"; "no trial".
std::string DescribeNumbers(const std::vector<int64_t>& numbers);
// "12 trials (completed 8, running 4)".
std::string DescribeTrials(const ReplayRows& rows);
// "trial 7, running, rung 1, val_accuracy 0.5 0.625 (epochs 1 to 2)".
std::string DescribeReports(ReplayRows& rows, int64_t number);

}  // namespace vizsla
