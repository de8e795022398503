// SIGTERM, SIGINT and SIGUSR1 ask the process to drain: to checkpoint, give its lease back and
// leave. Open MPI sends SIGTERM and, a second later by default, SIGKILL: launch with
// `--mca odls_base_sigkill_timeout 30`.
#pragma once

namespace vizsla {

// From now on the signals set the flag instead of ending the process.
void InstallDrainHandlers();
bool DrainRequested();
void RequestDrain();

}  // namespace vizsla
