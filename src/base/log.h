// Log lines go to standard error through spdlog, as text ("2026-11-24 02:52:10.123 I coordinator:
// message") or as one JSON object a line (src/base/log_json.h). Standard output belongs to results.
// Thread-safe.
#pragma once

#include <spdlog/spdlog.h>

#include <string_view>

#include "src/base/status.h"

namespace vizsla {

// Names the process in each line ("worker 3") and sets the level: trace, debug, info, warning,
// error, off; and the format: text or json. Call once at start; an unknown level or format is
// InvalidArgument and lists the known ones.
absl::Status InitLogging(std::string_view process, std::string_view level = "info",
                         std::string_view format = "text");

namespace log = ::spdlog;  // log::info("trial {} epoch {}", ...), log::warn, log::error

}  // namespace vizsla
