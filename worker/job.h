// The whole job of one process, from its options to its exit code.
#pragma once

#include "worker/launch.h"
#include "worker/options.h"

namespace vizsla {

// Initializes MPI; blocks until the search is done. Never throws. Where other ranks may hang in a
// collective it ends the process itself.
int RunJob(const WorkerOptions& options, const LaunchPlace& place, int* argc, char*** argv);

}  // namespace vizsla
