// Which runs of a configuration are still to be made: its repeats, and the final runs when the
// search is over. Derived from the stored trials, so that a restart at any step goes on with what
// is missing. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "src/study/study.h"
#include "src/study/trial.h"
#include "src/study/trial_groups.h"

namespace vizsla {

// Whether a configuration of the study can have more than one run.
bool HasRepeats(const StudySpec& spec);

// A run that the search made for a new configuration, not one more of it.
inline bool IsFirstRun(const Trial& trial) { return trial.repeat_of == 0; }

// The repeats that `first`, which waits for nothing, lacks; numbered from `next`. None for a
// repeat, for one that ended before it began, and where each configuration runs once.
std::vector<Trial> MissingRepeats(const StudySpec& spec, const Trial& first,
                                  std::span<const Trial> trials, int64_t next, Timestamp now);

// The runs of the configuration of `ended`, which no worker can train, as far as they are QUEUED
// and have not been trained: as they end, INFEASIBLE with the reason.
std::vector<Trial> HopelessRuns(std::span<const Trial> runs, const Trial& ended, Timestamp now);

// The final runs that the best configurations lack, the best one's first; numbered from `next`. For
// a study whose search is over.
std::vector<Trial> MissingFinalRuns(const StudySpec& spec, std::span<const Trial> trials,
                                    int64_t next, Timestamp now);

// The configurations of a study and their runs, as far as PlannedRuns asks.
struct RunCounts {
  std::vector<int64_t> configurations = {0};  // by stage
  int64_t ended_firsts = 0;                   // configurations whose first run has ended,
  int64_t runs_of_ended_firsts = 0;           // and their runs of the search
  bool final_runs_begun = false;
};

// How many trials the study will have with all repeats and final runs; nullopt when only its
// samplers can tell. It has `trials` now.
std::optional<int64_t> PlannedRuns(const Study& study, const RunCounts& counts, int64_t trials);

// FailedPrecondition when the search would go on after final runs of its best have `begun`.
absl::Status CheckFinalRunsAllow(const StudySpec& stored, const StudySpec& raised, bool begun);

}  // namespace vizsla
