// Whether two programs can talk: the sentence for the user when they cannot.
#pragma once

#include <string>

#include "src/base/status.h"

namespace vizsla {

struct ProgramVersion {
  int protocol = 0;
  std::string version;  // "0.1.0"
};

// FailedPrecondition "this vizsla (protocol 1, 0.1.0) is older than the coordinator (protocol 2,
// 0.2.0): update it", or the other way round. Both sides check. Pure.
absl::Status CheckVersions(const ProgramVersion& client, const ProgramVersion& coordinator);

// Every call carries these, so that a client notices a coordinator of another version or database
// that took over the address of the one that it shook hands with.
inline constexpr char kProtocolHeader[] = "vizsla-protocol";
inline constexpr char kVersionHeader[] = "vizsla-version";
inline constexpr char kCoordinatorHeader[] = "vizsla-coordinator-id";

// With a call that was refused for its quota: after how many milliseconds it may be made again.
inline constexpr char kRetryAfterHeader[] = "vizsla-retry-after-ms";

}  // namespace vizsla
