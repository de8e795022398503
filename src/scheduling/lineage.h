// Trials that go on from where others of their study stand.
#pragma once

#include <vector>

#include "src/base/status.h"
#include "src/scheduling/trial_store.h"

namespace vizsla {

// The reports of the trial's ancestors up to the epochs at which their descendants went on, in
// order of epoch; empty without a parent.
absl::StatusOr<std::vector<EpochReport>> AncestorReports(TrialReader& reader, const Trial& trial);

// The QUEUED trial with this number that takes the place of `loser` and goes on from the last
// checkpoint of `source`, which has one, with its configuration as Explore changes it. The stage's
// pruner is a population's.
Trial MakeSuccessor(const Study& study, const Trial& loser, const Trial& source, int64_t number,
                    Timestamp now);

}  // namespace vizsla
