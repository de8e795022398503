// Subcommands that need LibTorch or OpenCV are programs beside this one, run as git runs its own:
// `vizsla evaluate ARGS` becomes `vizsla-evaluate evaluate ARGS`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "src/base/status.h"

namespace vizsla {

struct HelperCall {
  std::string program;                 // "vizsla-evaluate"
  std::vector<std::string> arguments;  // without the program's name
};

// The call that `arguments` (argv without the program) mean, or nullopt when the first word that is
// no global option is no helper's. Global options before that word (`--db F evaluate ...`) go after
// it.
std::optional<HelperCall> FindHelperCall(const std::vector<std::string>& arguments);

// Replaces this process; returns only an error: NotFound with a sentence when the helper does not
// lie beside this program.
absl::Status ExecHelper(const HelperCall& call);

// Runs it beside this process and waits for its end. What it prints is dropped; its messages go to
// this program's standard error. Errors: as ExecHelper; Internal when it does not end with 0.
absl::Status RunHelper(const HelperCall& call);

}  // namespace vizsla
