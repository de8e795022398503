// Text for terminals: widths, durations, sizes, numbers. Pure; independent of the locale.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "src/base/clock.h"

namespace vizsla {

// Columns that a terminal needs for UTF-8 text: 2 for East Asian wide characters and emoji, 0 for
// combining marks, 1 for a byte that is no UTF-8 (SafeText shows it as ?).
int DisplayWidth(std::string_view text);

// The text with control characters and broken UTF-8 replaced by ?, so that a name from a file
// cannot move the cursor.
std::string SafeText(std::string_view text);
// The same for text of several lines, such as notes: line feeds stay.
std::string SafeLines(std::string_view text);

// At most `width` columns; what is cut off ends in an ellipsis. width >= 1.
std::string Truncate(std::string_view text, int width);

// "0.4s", "45s", "3m05s", "2h07m", "3d04h".
std::string FormatDuration(Milliseconds duration);

// "512 B", "14.2 MB", "1.3 GB": powers of 1000.
std::string FormatBytes(uint64_t bytes);

// Four decimals ("0.7834", "2.0000"); the shortest of four digits outside [0.001, 10000); "NaN",
// "inf".
std::string FormatMetric(double value);
std::string FormatMetric(const std::optional<double>& value);  // "-" when absent

// "2026-11-24 02:52:10" in UTC, and RFC 3339 with milliseconds: "2026-11-24T02:52:10.123Z".
std::string FormatTime(Timestamp time);
std::string FormatTimeRfc3339(Timestamp time);

// "1 trial", "2 trials".
std::string Count(int64_t count, std::string_view noun);

}  // namespace vizsla
