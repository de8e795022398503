// How an attempt's end changes its trial. Pure.
#pragma once

#include <span>

#include "src/base/status.h"
#include "src/scheduling/scheduler.h"

namespace vizsla {

// The trial under a new lease: RUNNING, the next attempt. It was QUEUED.
Trial BeginAttempt(const Trial& trial, const std::string& worker, Timestamp now);

// What the worker says, corrected by what it reported: a run with a NaN or infinite metric has
// diverged, whatever the worker calls its end.
AttemptOutcome TrueOutcome(AttemptOutcome given, std::span<const EpochReport> reports,
                           const Trial& trial);

// The trial after its RUNNING attempt ended so. A crash spends one of the study's max_crashes, the
// last of which makes it FAILED; preemption spends none. Errors: FailedPrecondition for COMPLETED
// without a score; InvalidArgument for kRunning and for a last checkpoint of another epoch than the
// newest.
absl::StatusOr<Trial> EndAttempt(const Study& study, const Trial& trial,
                                 std::span<const EpochReport> reports, const Completion& completion,
                                 Timestamp now);

// A PAUSED trial that will not go on.
Trial PrunePausedTrial(const Trial& trial, const std::string& reason, Timestamp now);

// A PAUSED trial that goes on past its rung: QUEUED.
Trial Promote(const Trial& trial, Timestamp now);

}  // namespace vizsla
