// Who may speak for a trial: only the attempt that holds its lease. Pure.
#pragma once

#include "src/base/status.h"
#include "src/study/trial.h"

namespace vizsla {

bool HoldsLease(const Trial& trial, AttemptNumber attempt);

// FailedPrecondition "attempt 1 of trial 3 no longer holds the lease (attempt 2 does)".
absl::Status CheckLease(const Trial& trial, AttemptNumber attempt);

}  // namespace vizsla
