// The leaderboard as data: what its standings say, and the trials that it shows. Pure but for the
// snapshot it reads.
#pragma once

#include <map>
#include <optional>
#include <span>

#include "src/scheduling/scheduler.h"
#include "src/scheduling/standings.h"

namespace vizsla {

struct BoardInput {
  Study study;  // with active_time up to now
  Timestamp now{};
  std::map<TrialId, Progress> progress;  // of running trials, from their heartbeats
};

// `standings` of the same snapshot, with the rows that are wanted.
absl::StatusOr<Board> BuildBoard(TrialReader& reader, const BoardInput& input,
                                 const StandingsView& standings);

// Until the last epoch of a running trial, from the mean duration of its epochs; an upper bound,
// because training may stop early. Nullopt before the first epoch of the run.
std::optional<Milliseconds> TrialEta(const Trial& trial, std::span<const EpochReport> reports,
                                     int epochs, Timestamp now);

// Until the study's last trial ends, from the mean time of ended trials and how many run at once.
// Nullopt while none has ended, none runs or nobody knows how many there will be.
std::optional<Milliseconds> StudyEta(const StudyPace& pace, std::optional<int64_t> planned);

}  // namespace vizsla
