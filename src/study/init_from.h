// Which trials the `init_from:` of a study's enqueued trials mean. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "src/study/study.h"

namespace vizsla {

// An entry of a stage's `enqueue:`.
struct EnqueuedPlace {
  int stage = 1;
  size_t entry = 0;  // from 0
  auto operator<=>(const EnqueuedPlace&) const = default;
};

// The enqueued trial that `init_from` means when it stands in `stage`: by name, or by a number of
// the first stage's. Nullopt: none or best, the number of a sampled trial, or an unknown name.
std::optional<EnqueuedPlace> FindEnqueued(const StudySpec& spec, const InitFrom& init_from,
                                          int stage);

struct InitFromProblem {
  EnqueuedPlace place;
  std::string reason;  // "is the trial itself"
};
// The first init_from that no trial can follow: unknown or ambiguous names, trials of later stages,
// numbers beyond the budget, circles, and a `best` that no trial is left for. Nullopt: all is well.
std::optional<InitFromProblem> FindInitFromProblem(const StudySpec& spec);

// Whether the entry's configuration is the trial's whole one: of the first stage, and neither it
// nor what it starts from waits for the best.
bool IsComplete(const StudySpec& spec, const EnqueuedPlace& place);

// Entries of the first stage in an order where each stands after its source; for a study without
// problems.
std::vector<size_t> InOrderOfSources(const StudySpec& spec);

}  // namespace vizsla
