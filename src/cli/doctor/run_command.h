// Another program's words.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "src/base/status.h"

namespace vizsla {

struct CommandOutput {
  int exit_code = 0;
  std::string text;  // standard output and error together, at most 1 MiB
};

// Runs `command` (found on the PATH unless it is a path) with an empty standard input and waits for
// its end. NotFound: there is no such program. DeadlineExceeded: it was killed after `timeout`.
absl::StatusOr<CommandOutput> RunCommand(const std::vector<std::string>& command,
                                         std::chrono::milliseconds timeout);

}  // namespace vizsla
