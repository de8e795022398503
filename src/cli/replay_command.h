// vizsla replay: derives a study's decisions again from its log.
#pragma once

#include <cstdint>
#include <string>

#include "src/base/status.h"
#include "src/cli/connection.h"
#include "src/scheduling/replay.h"

namespace vizsla {

struct ReplayCommand {
  std::string study;  // empty: the newest
  int64_t until = 0;  // rows of the log; 0: all
  bool json = false;
};
// Prints what was found. FailedPrecondition: the study is older than its log; Aborted: decisions
// differ.
absl::Status RunReplay(const ConnectionOptions& connection, const ReplayCommand& command);

// "study 'dogs': 412 suggestions, 96 promotions, 211 prunings re-derived: all equal", and the
// differences; `version` is this program's.
std::string RenderReplay(const std::string& study, const ReplayResult& result,
                         const std::string& version);

}  // namespace vizsla
