// What the programs' command lines share.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "src/base/status.h"

namespace vizsla {

// Parses; `print` is set to what --help or --version asks for. InvalidArgument: one sentence, with
// the closest known option for one that is unknown. Converts CLI11's exceptions.
absl::Status ParseCommandLine(CLI::App& app, int argc, const char* const* argv, std::string* print);

}  // namespace vizsla
