// What a study learns from earlier ones (`learn_from:`). Pure.
//
// Copied when the study is made, so that neither a restart nor the end of the earlier study changes
// a suggestion. Samplers take the copies for observations: they use no configuration up and stand
// on no leaderboard.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "src/scheduling/trial_store.h"

namespace vizsla {

// InvalidArgument: a sampler that learns from nothing, a name twice, the study's own name.
absl::Status CheckLearnFrom(const StudySpec& spec);

struct LearnedFrom {
  std::string study;
  std::vector<LearnedTrial> trials;  // in order of number
  int64_t unfit = 0;                 // ended, but with other parameters or values than the space's
  int64_t not_ended = 0;             // queued, running or paused when it was looked at
  bool other_data = false;           // it was trained on another data set or split
};
// FailedPrecondition when the earlier study's scores mean something else: another objective.
absl::StatusOr<LearnedFrom> TakeTrials(const Study& learner, const Study& source,
                                       std::span<const Trial> trials);

// "learns from 27 trials of 'old' (3 do not fit its parameters)".
std::string DescribeLearned(std::span<const LearnedFrom> sources);

// What Sampler::Learn gets, numbered up to 0.
std::vector<Trial> AsObservations(std::span<const LearnedTrial> learned);

}  // namespace vizsla
