#include "src/rpc/handshake.h"

namespace vizsla {
namespace {

std::string Describe(const ProgramVersion& program) {
  return StrCat("(protocol ", program.protocol, ", ", program.version, ")");
}

}  // namespace

absl::Status CheckVersions(const ProgramVersion& client, const ProgramVersion& coordinator) {
  if (client.protocol == coordinator.protocol) return absl::OkStatus();
  const bool older = client.protocol < coordinator.protocol;
  return absl::FailedPreconditionError(StrCat(
      "this vizsla ", Describe(client), " is ", older ? "older" : "newer", " than the coordinator ",
      Describe(coordinator), ": ", older ? "update it" : "update the coordinator"));
}

}  // namespace vizsla
