// What StudySources says, by walks over all trials.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "src/scheduling/stage_policy.h"

namespace vizsla {

inline std::vector<int64_t> ReferenceBest(const Study& study, int stage, size_t top,
                                          std::span<const Trial> trials) {
  std::vector<int64_t> numbers;
  for (const Trial& source : SourcesOfStage(study, stage, trials)) numbers.push_back(source.number);
  numbers.resize(std::min(numbers.size(), top));
  return numbers;
}

inline std::vector<int64_t> ReferenceTurns(const Study& study, int stage, size_t top,
                                           std::span<const Trial> trials) {
  std::vector<int64_t> sources = ReferenceBest(study, stage, top, trials);
  std::map<int64_t, int64_t> turns;
  for (const Trial& trial : trials) {
    if (trial.stage == stage && trial.repeat_of == 0) ++turns[trial.warm_start.trial];
  }
  std::stable_sort(sources.begin(), sources.end(),
                   [&](int64_t a, int64_t b) { return turns[a] < turns[b]; });
  return sources;
}

inline std::optional<int64_t> ReferenceFirstReady(std::span<const Trial> trials) {
  for (const Trial& trial : trials) {
    if (trial.state == TrialState::kQueued && !IsWaiting(trial)) return trial.number;
  }
  return std::nullopt;
}

}  // namespace vizsla
