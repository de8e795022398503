// What the coordinator wants of a running trial.
#pragma once

namespace vizsla {

enum class Directive {
  kContinue,
  kPrune,    // a pruner's decision: end as PRUNED
  kPause,    // at a rung: checkpoint and give the lease back
  kCancel,   // the user stopped the study or the trial, or the lease is lost: leave at once
  kPreempt,  // the process drains: checkpoint and give the lease back
};

}  // namespace vizsla
