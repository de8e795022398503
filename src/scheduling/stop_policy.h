// The stopping rules of a study: what each event adds to what has been counted, and what the counts
// mean. Pure: state in, decision out.
//
// - Target: the first report after which a trial's score is the target or better ends the study.
//   Waiting for the trial's end, as Optuna's callbacks must, would spend the epochs that the rule
//   is there to save; Ray's `stop` criteria act on reports as well.
// - Epochs: counted as they are reported. One that is run again (crash, abandoned run) replaces its
//   report and counts once.
// - No improvement: over trials that ended as COMPLETED, PRUNED or DIVERGED, in the order of their
//   ends; FAILED, INFEASIBLE and CANCELLED ones tell nothing of the search and are not counted. A
//   trial that pauses with a better score is an improvement, though it has not ended. Counted
//   within a stage: a new one begins anew.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "src/base/status.h"
#include "src/study/study.h"

namespace vizsla {

// InvalidArgument for a rule that cannot be meant: not a number, negative.
absl::Status CheckStopRules(const StopRules& rules);

// The given rules where each is as loose as the stored one or looser, or gone. FailedPrecondition
// with a sentence for one that is tighter or new: what has run may have broken it already.
absl::StatusOr<StopRules> LoosenStopRules(const StopRules& stored, const StopRules& given,
                                          Direction direction);

// `trial` as the report leaves it; `new_epoch`: the trial has not reported this epoch before;
// `diverged`: the run has a metric that is not finite, so that it cannot win.
StopProgress AfterReport(const StudySpec& spec, const StopProgress& progress, const Trial& trial,
                         bool new_epoch, bool diverged);

// An attempt's or a pause's end has left the trial so; nothing changes while it goes on.
StopProgress AfterEnd(const StudySpec& spec, const StopProgress& progress, const Trial& trial);

// All of it from the trials, for rules that were loosened: what had been counted was by other
// rules. Trials count in the order of their ends, paused ones last. `epochs`: distinct reports of
// all.
StopProgress CountAnew(const StudySpec& spec, std::span<const Trial> trials, int64_t epochs);

struct StopDecision {
  enum class Kind { kGoOn, kEndStage, kEndStudy };
  Kind kind = Kind::kGoOn;
  std::string reason;  // "target 0.9 reached by trial 17 (0.912)"
};
// kEndStage: the stage draws no more trials; those that there are go on, then the next one begins.
StopDecision DecideStop(const StudySpec& spec, const StopProgress& progress);

}  // namespace vizsla
