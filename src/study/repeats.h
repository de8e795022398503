// More than one run of a configuration: what is left of a score when luck is averaged out. A run
// is a trial of its own; its number is the key of its randomness, so each has another seed.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "src/base/status.h"
#include "src/study/json_fields.h"
#include "src/study/objective.h"
#include "src/study/policy_spec.h"

namespace vizsla {

inline constexpr int kMostRepeats = 100;
inline constexpr int kMostFinalists = 1000;

// `final:` When the search is over, its best configurations are trained again on fresh seeds, for
// all their epochs, and ranked by those runs alone: the score that selected a configuration is the
// best of many and partly luck. May be added and raised later, like a budget.
struct FinalRuns {
  int top = 0;      // configurations; 0: no final runs
  int repeats = 3;  // runs of each
  bool operator==(const FinalRuns&) const = default;
};

nlohmann::json ToJson(const FinalRuns& final_runs);
FinalRuns FinalRunsFromJson(JsonFields& outer, const nlohmann::json& value);

// What goes together with repeats and final runs. InvalidArgument with a sentence: several
// objectives, whose trials have no mean; a pruner that ranks configurations on rungs, where repeats
// would take each other's places; the population pruner, whose result cannot be trained again.
absl::Status CheckGoesWithRepeats(const Objective& objective, const PrunerSpec& pruner, int repeats,
                                  const FinalRuns& final_runs);

// InvalidArgument: numbers out of range.
absl::Status CheckRepeats(int repeats, const FinalRuns& final_runs);

// The stored final runs with the given ones taken over. FailedPrecondition with a sentence when
// they would be fewer.
absl::StatusOr<FinalRuns> RaiseFinalRuns(const FinalRuns& stored, const FinalRuns& given);

}  // namespace vizsla
