// When a study ends before its trials are used up (`stop:`), and what is counted to tell. Value
// types.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "src/study/json_fields.h"

namespace vizsla {

// Each rule by itself ends the study. They may be loosened when the same study is submitted again,
// as a budget may be raised, and are therefore no part of the immutable hash: they say how long it
// is searched, not what.
struct StopRules {
  // A trial's score is this or better, by the objective's direction.
  std::optional<double> target;
  // So many trials have ended, one after another, of which none improved on the best before them by
  // more than min_delta; 0: no such rule. With stages it ends the stage, the last one the study.
  int64_t no_improvement_trials = 0;
  double min_delta = 0;  // in the objective's own units
  // Epochs of all trials together; one that is run again after a crash counts once. 0: no such
  // rule.
  int64_t epochs = 0;

  bool empty() const { return *this == StopRules(); }
  bool operator==(const StopRules&) const = default;
};

nlohmann::json ToJson(const StopRules& rules);
// Errors are noted in `outer`.
StopRules StopRulesFromJson(JsonFields& outer, const nlohmann::json& value);

// What has been counted of a study with stopping rules: all that they look at, so that no report
// needs another trial's. Persisted.
struct StopProgress {
  int64_t epochs = 0;          // distinct (trial, epoch) reports
  int64_t target_trial = 0;    // the first to reach the target; 0: none
  double target_score = 0;     // its score then
  int stage = 1;               // that the next two are of
  int64_t ended = 0;           // trials since the last that improved
  std::optional<double> best;  // the score of that one
  int stages_over = 0;         // stages that draw no more trials, because nothing improved in them
  bool operator==(const StopProgress&) const = default;
};

}  // namespace vizsla
