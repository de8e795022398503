// `vizsla-worker --search` without --coordinator brings its own: a vizsla-coordinator on loopback,
// in a session of its own, so that it outlives a crash of the job, and which leaves when idle.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "src/base/status.h"

namespace vizsla {

struct EmbeddedCoordinatorOptions {
  std::string program;   // path of vizsla-coordinator
  std::string database;  // file; created by the coordinator
  // More of its command line. One that runs already keeps its own; the log says so.
  std::vector<std::string> arguments;
  std::chrono::milliseconds patience{std::chrono::seconds(30)};
};

// The folder of this program: its siblings lie there.
absl::StatusOr<std::string> ProgramFolder();

// Where a coordinator's output goes: DATABASE.coordinator.log, appended.
std::string CoordinatorLogPath(const std::string& database);

// The address of the coordinator that holds the database, or of one that is started now. Blocks
// until it answers to its name; any number of processes may call it at once, one coordinator
// results. Forks: call it before MPI_Init. Unavailable: it did not start, with the last line of its
// log; NotFound: no such program.
absl::StatusOr<std::string> EnsureCoordinator(const EmbeddedCoordinatorOptions& options);

}  // namespace vizsla
