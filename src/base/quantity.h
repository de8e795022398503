// Durations and sizes as people write them on a command line.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vizsla {

// "30s", "500ms", "10m", "1h", or a number of seconds. Nullopt when it is none of these, or not
// positive.
std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text);

// "50GiB", "1.5TiB", "500MB", or a number of bytes. Nullopt when it is none of these, or not
// positive.
std::optional<int64_t> ParseBytes(std::string_view text);

// "950 B", "12.3 kB", "4.56 GB": three digits, powers of 1000.
std::string BytesText(uint64_t bytes);

}  // namespace vizsla
