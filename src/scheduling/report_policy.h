// What one epoch's report causes. Pure: state in, decision out.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "src/base/status.h"
#include "src/scheduling/scheduler.h"

namespace vizsla {

struct ReportInput {
  const Study& study;
  const Trial& trial;
  std::span<const EpochReport> reports;  // all that is stored of the trial, in order of epoch
  const EpochReport& report;             // its attempt is set
  const std::string& last_checkpoint;    // a resumable checkpoint of this epoch, or empty
  // Whether the hashes that the report names are stored (true for an empty one).
  bool checkpoint_exists = true;
  bool last_checkpoint_exists = true;
};

struct ReportDecision {
  bool repeated = false;             // the very same report is stored already: nothing changes
  Trial trial;                       // afterwards
  std::vector<EpochReport> reports;  // afterwards
  ReportDirective directive = ReportDirective::kContinue;
};

// An attempt reports the epoch after its checkpoint first, then one after another; it may start
// over, at epoch 1 or at the one after its parent's, when it could not use the checkpoint, which is
// then dropped. Refusals:
// FailedPrecondition for an attempt without the lease, other values for an epoch that this attempt
// has reported, a new best without a stored checkpoint; InvalidArgument for a gap, an epoch outside
// the budget and a missing objective.
absl::StatusOr<ReportDecision> DecideReport(const ReportInput& input);

// What the holder of the lease has to do now: preempt while the study is stopped, cancel when it
// has ended, prune once the run has diverged.
ReportDirective DirectiveFor(const Study& study, const Trial& trial,
                             std::span<const EpochReport> reports);

}  // namespace vizsla
