// Downloading a trial's network with all that belongs to it: what `vizsla pull` and `vizsla report`
// share.
#pragma once

#include <cstdint>

#include "src/base/status.h"
#include "src/cli/commands.h"
#include "src/cli/connection.h"
#include "src/report/pulled_model.h"

namespace vizsla {

struct PullSummary {
  PulledManifest manifest;
  uint64_t model_bytes = 0;
};

// Writes command.output (a new or empty folder, or an earlier pull) as docs/cli.md says; it appears
// whole or not at all. FailedPrecondition when the trial has no checkpoint. Blocks; shows progress
// on standard error.
absl::StatusOr<PullSummary> PullTrial(Connection& connection, const PullCommand& command);

}  // namespace vizsla
