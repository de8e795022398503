// `vizsla-coordinator init`, `issue` and `renew`: makes certificates and tokens.
#pragma once

#include <optional>

namespace vizsla {

// The exit status when the first argument is one of these subcommands; nullopt when it is none.
// Prints help, results and errors itself.
std::optional<int> RunCredentialsCommand(int argc, char** argv);

}  // namespace vizsla
