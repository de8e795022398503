// How the worker's and the evaluator's processes end, besides by a collective's deadline
// (kCollectiveTimeoutExitCode of src/comm/communicator.h).
// Wrong usage is kExitUsage, as for every program.
#pragma once

#include "src/cli/terminal.h"

namespace vizsla {

inline constexpr int kExitRefused = 1;   // a sentence says why
inline constexpr int kExitCrashed = 70;  // a rank broke: the job ends, its trials are requeued

}  // namespace vizsla
