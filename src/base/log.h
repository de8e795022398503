// Log lines go to standard error through spdlog: "2026-11-24 02:52:10.123 I coordinator: message".
// Standard output belongs to results. Thread-safe.
#pragma once

#include <spdlog/spdlog.h>

#include <string_view>

#include "src/base/status.h"

namespace vizsla {

// Names the process in each line ("worker 3") and sets the level: trace, debug, info, warning,
// error. Call once at start; an unknown level is InvalidArgument and lists the known ones.
absl::Status InitLogging(std::string_view process, std::string_view level = "info");

namespace log = ::spdlog;  // log::info("trial {} epoch {}", ...), log::warn, log::error

}  // namespace vizsla
