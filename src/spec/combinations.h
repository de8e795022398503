// Which combinations of allowed values the catalog refuses, found before anything is trained. Walks
// every configuration of a small space, and a representative part of a large one. Pure.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "src/catalog/training_plan.h"
#include "src/study/study.h"

namespace vizsla {

// What is not known before the weights file is there: the study's word, or what is usual.
WeightsTraits AssumedTraits(const WeightsSpec& weights);

// Calls `look` with configurations until it returns false: with every one of a small space; of a
// large one with those at the ends of its ranges, its shortest and its longest lists, all numbers
// low and all numbers high, and of these with no more than the first `most` for each network,
// initial weights and end. `kept`: names besides the conditions' that keep all their values. False
// when some of these were left out.
bool WalkCombinations(const SearchSpace& space, const std::set<std::string>& kept, int64_t most,
                      const std::function<bool(const Configuration&)>& look);

struct ImpossibleTrial {
  int stage = 1;
  std::optional<size_t> entry;  // of the stage's `enqueue:`; nullopt: of its space
  std::string parameter;        // may be empty
  std::string reason;
};

// What no source can make possible: configurations of a later stage's space, and enqueued trials
// with a source, that the catalog refuses together with every trial that they may start from, or
// that those trials' weights do not fit (WarmStartFits) where weights are taken over. Also
// parameters of a stage that can never be active. Looks at a bounded number of sources and is
// silent about what it could not look at; a trial that turns out to be impossible with the source
// that it gets ends as INFEASIBLE. Nullopt: nothing was found.
std::optional<ImpossibleTrial> FindImpossible(const StudySpec& spec, const WeightsTraits& traits);

}  // namespace vizsla
