// A log line as one JSON object (RFC 8259): time, level, program, pid and message, then the study,
// trial and attempt of the thread's LogScope. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "src/base/clock.h"
#include "src/base/log_scope.h"

namespace vizsla {

struct LogLine {
  Timestamp time{};
  std::string_view level;  // trace, debug, info, warning, error, critical
  std::string_view program;
  int64_t pid = 0;
  std::string_view message;
  const LogFields* fields = nullptr;
};

// Without a line feed, and never with one inside. Bytes that are no UTF-8 become U+FFFD.
std::string ToJson(const LogLine& line);

// "2026-11-24T02:52:10.123Z"
std::string ToIso8601(Timestamp time);

}  // namespace vizsla
