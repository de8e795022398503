// The leaderboard as data. BuildBoard is pure but for the snapshot it reads.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "src/scheduling/scheduler.h"

namespace vizsla {

struct BoardInput {
  Study study;  // with active_time up to now
  int top = 0;  // 0: all rows
  Timestamp now{};
  std::map<TrialId, Progress> progress;  // of running trials, from their heartbeats
};

absl::StatusOr<Board> BuildBoard(TrialReader& reader, const BoardInput& input);

// Over all attempts, without the time between them; a running one counts until now.
Milliseconds TrainingTime(const std::vector<AttemptRow>& attempts, Timestamp now);

// Until the last epoch of a running trial, from the mean duration of its epochs; an upper bound,
// because training may stop early. Nullopt before the first epoch of the run.
std::optional<Milliseconds> TrialEta(const Trial& trial, std::span<const EpochReport> reports,
                                     int epochs, Timestamp now);

// Until the study's last trial ends, from the mean time of ended trials and how many run at once;
// `trained` has the training time of each trial that ever ran. Nullopt while none has ended, none
// runs or nobody knows how many there will be.
std::optional<Milliseconds> StudyEta(std::span<const Trial> trials,
                                     const std::map<TrialId, Milliseconds>& trained,
                                     std::optional<int64_t> planned);

}  // namespace vizsla
