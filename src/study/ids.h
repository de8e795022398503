// Names of things in the database.
#pragma once

#include "src/base/strong_id.h"

namespace vizsla {

using StudyId = StrongId<struct StudyTag>;
// Unique in the database. People see the trial's number instead: 1, 2, 3 ... within its study.
using TrialId = StrongId<struct TrialTag>;
using WorkerId = StrongId<struct WorkerTag>;
// Counts the leases of one trial: 1 for the first worker that trains it. An attempt fences its
// reports.
using AttemptNumber = StrongId<struct AttemptTag>;

}  // namespace vizsla
