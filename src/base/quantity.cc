#include "src/base/quantity.h"

#include <array>
#include <charconv>
#include <cstdio>

namespace vizsla {

std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number <= 0 || number > 1'000'000'000) return std::nullopt;
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  if (unit == "ms") return std::chrono::milliseconds(number);
  if (unit.empty() || unit == "s") return std::chrono::seconds(number);
  if (unit == "m") return std::chrono::minutes(number);
  if (unit == "h") return std::chrono::hours(number);
  return std::nullopt;
}

std::optional<int64_t> ParseBytes(std::string_view text) {
  struct Unit {
    std::string_view name;
    double bytes;
  };
  constexpr std::array<Unit, 9> kUnits = {{{"", 1},
                                           {"KiB", 1024.0},
                                           {"MiB", 1048576.0},
                                           {"GiB", 1073741824.0},
                                           {"TiB", 1099511627776.0},
                                           {"kB", 1e3},
                                           {"MB", 1e6},
                                           {"GB", 1e9},
                                           {"TB", 1e12}}};
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view name(end, static_cast<size_t>(text.data() + text.size() - end));
  for (const Unit& unit : kUnits) {
    const double bytes = number * unit.bytes;
    if (error == std::errc() && name == unit.name && bytes >= 1 && bytes < 1e18) {
      return static_cast<int64_t>(bytes);
    }
  }
  return std::nullopt;
}

std::string BytesText(uint64_t bytes) {
  constexpr std::array<const char*, 6> kUnits = {"kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return std::to_string(bytes) + " B";
  double number = static_cast<double>(bytes) / 1e3;
  size_t unit = 0;
  // What would be written as 1000 of a unit is 1.00 of the next.
  while (number >= 999.5 && unit + 1 < kUnits.size()) {
    number /= 1e3;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof(text), "%.*f %s",
                number < 9.995   ? 2
                : number < 99.95 ? 1
                                 : 0,
                number, kUnits[unit]);
  return text;
}

}  // namespace vizsla
