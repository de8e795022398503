#include "src/study/repeats.h"

#include <nlohmann/json.hpp>

namespace vizsla {

nlohmann::json ToJson(const FinalRuns& final_runs) {
  return {{"top", final_runs.top}, {"repeats", final_runs.repeats}};
}

FinalRuns FinalRunsFromJson(JsonFields& outer, const nlohmann::json& value) {
  JsonFields fields(value, "final");
  FinalRuns final_runs;
  final_runs.top = static_cast<int>(fields.Int("top", 1, kMostFinalists));
  final_runs.repeats = static_cast<int>(fields.Int("repeats", 1, kMostRepeats));
  outer.Note(fields.Finish());
  return final_runs;
}

absl::Status CheckGoesWithRepeats(const Objective& objective, const PrunerSpec& pruner, int repeats,
                                  const FinalRuns& final_runs) {
  if (repeats <= 1 && final_runs.top == 0) return absl::OkStatus();
  if (!objective.further.empty()) {
    return absl::InvalidArgumentError(
        "repeats and final runs rank configurations by the mean of one score, but the study has "
        "several objectives; leave them out");
  }
  switch (KindOf(pruner)) {
    case PrunerKind::kNone:
    case PrunerKind::kMedian:
    case PrunerKind::kPercentile:
    case PrunerKind::kThreshold:
    case PrunerKind::kPatience:
      return absl::OkStatus();
    case PrunerKind::kPopulation:
      return absl::InvalidArgumentError(
          "the population pruner's result is a model whose parameters changed on the way: its "
          "configuration trained again is another one; leave repeats and final out");
    case PrunerKind::kSuccessiveHalving:
    case PrunerKind::kHyperband:
    case PrunerKind::kAsha:
      break;
  }
  if (repeats <= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      StrCat("the ", ToText(KindOf(pruner)),
             " pruner ranks configurations on rungs, where the repeats of one would take each "
             "other's places; leave repeats out and say final: {top: K, repeats: N}, or take "
             "another pruner"));
}

absl::Status CheckRepeats(int repeats, const FinalRuns& final_runs) {
  if (repeats < 1 || repeats > kMostRepeats) {
    return absl::InvalidArgumentError(
        StrCat("repeats is ", repeats, "; it must be from 1 to ", kMostRepeats));
  }
  if (final_runs.top < 0 || final_runs.top > kMostFinalists) {
    return absl::InvalidArgumentError(
        StrCat("final.top is ", final_runs.top, "; it must be from 0 to ", kMostFinalists));
  }
  if (final_runs.repeats < 1 || final_runs.repeats > kMostRepeats) {
    return absl::InvalidArgumentError(
        StrCat("final.repeats is ", final_runs.repeats, "; it must be from 1 to ", kMostRepeats));
  }
  return absl::OkStatus();
}

absl::StatusOr<FinalRuns> RaiseFinalRuns(const FinalRuns& stored, const FinalRuns& given) {
  if (stored.top == 0) return given;
  const auto lowered = [](const char* name, int before, int after) {
    return absl::FailedPreconditionError(StrCat("a study's final runs can only be raised: final.",
                                                name, " is ", before, ", given ", after));
  };
  if (given.top < stored.top) return lowered("top", stored.top, given.top);
  if (given.repeats < stored.repeats) return lowered("repeats", stored.repeats, given.repeats);
  return given;
}

}  // namespace vizsla
