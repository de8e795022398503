// How the worker's and the evaluator's processes end. 75 is the collective deadline's
// (src/comm/mpi_communicator.h).
// Wrong usage is kExitUsage, as for every program.
#pragma once

#include "src/cli/terminal.h"

namespace vizsla {

inline constexpr int kExitRefused = 1;   // a sentence says why
inline constexpr int kExitCrashed = 70;  // a rank broke: the job ends, its trials are requeued

}  // namespace vizsla
