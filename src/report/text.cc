#include "src/report/text.h"

#include <array>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "absl/strings/str_format.h"
#include "src/base/str_cat.h"

namespace vizsla {
namespace {

struct Decoded {
  char32_t code = 0;
  size_t length = 1;
  bool valid = false;
};

// Strict: overlong forms, surrogates and codes above U+10FFFF are not valid.
Decoded DecodeUtf8(std::string_view text, size_t position) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[position + i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  size_t length = 0;
  char32_t code = 0;
  char32_t smallest = 0;
  if ((lead & 0xE0) == 0xC0) {
    length = 2, code = lead & 0x1F, smallest = 0x80;
  } else if ((lead & 0xF0) == 0xE0) {
    length = 3, code = lead & 0x0F, smallest = 0x800;
  } else if ((lead & 0xF8) == 0xF0) {
    length = 4, code = lead & 0x07, smallest = 0x10000;
  } else {
    return {};
  }
  if (position + length > text.size()) return {};
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3F);
  }
  if (code < smallest || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return {code, length, true};
}

bool InRange(char32_t code, char32_t low, char32_t high) { return code >= low && code <= high; }

bool IsControl(char32_t code) { return code < 0x20 || InRange(code, 0x7F, 0x9F); }

// Marks that stand on the character before them, and direction or joining controls.
bool HasNoWidth(char32_t code) {
  return InRange(code, 0x0300, 0x036F) || InRange(code, 0x0483, 0x0489) ||
         InRange(code, 0x0591, 0x05BD) || InRange(code, 0x0610, 0x061A) ||
         InRange(code, 0x064B, 0x065F) || InRange(code, 0x1AB0, 0x1AFF) ||
         InRange(code, 0x1DC0, 0x1DFF) || InRange(code, 0x200B, 0x200F) ||
         InRange(code, 0x202A, 0x202E) || InRange(code, 0x2060, 0x2064) ||
         InRange(code, 0x20D0, 0x20FF) || InRange(code, 0xFE00, 0xFE0F) ||
         InRange(code, 0xFE20, 0xFE2F) || code == 0xFEFF;
}

bool IsWide(char32_t code) {
  return InRange(code, 0x1100, 0x115F) || InRange(code, 0x2E80, 0x303E) ||
         InRange(code, 0x3041, 0xA4CF) || InRange(code, 0xAC00, 0xD7A3) ||
         InRange(code, 0xF900, 0xFAFF) || InRange(code, 0xFE30, 0xFE6F) ||
         InRange(code, 0xFF00, 0xFF60) || InRange(code, 0xFFE0, 0xFFE6) ||
         InRange(code, 0x1F300, 0x1F64F) || InRange(code, 0x1F680, 0x1F6FF) ||
         InRange(code, 0x1F900, 0x1FAFF) || InRange(code, 0x20000, 0x3FFFD);
}

int WidthOf(const Decoded& decoded) {
  if (!decoded.valid || IsControl(decoded.code)) return 1;
  if (HasNoWidth(decoded.code)) return 0;
  return IsWide(decoded.code) ? 2 : 1;
}

std::tm ToUtc(Timestamp time) {
  const std::time_t seconds =
      std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return utc;
}

}  // namespace

int DisplayWidth(std::string_view text) {
  int width = 0;
  for (size_t i = 0; i < text.size();) {
    const Decoded decoded = DecodeUtf8(text, i);
    width += WidthOf(decoded);
    i += decoded.length;
  }
  return width;
}

std::string SafeText(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const Decoded decoded = DecodeUtf8(text, i);
    // Direction controls could show a name as another one.
    const bool shown = decoded.valid && !IsControl(decoded.code) &&
                       !InRange(decoded.code, 0x202A, 0x202E) &&
                       !InRange(decoded.code, 0x2066, 0x2069);
    if (shown) {
      safe.append(text.substr(i, decoded.length));
    } else {
      safe.push_back('?');
    }
    i += decoded.length;
  }
  return safe;
}

std::string SafeLines(std::string_view text) {
  std::string safe;
  for (;;) {
    const size_t end = text.find('\n');
    safe += SafeText(text.substr(0, end));
    if (end == std::string_view::npos) return safe;
    safe.push_back('\n');
    text.remove_prefix(end + 1);
  }
}

std::string Truncate(std::string_view text, int width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  std::string cut;
  int used = 0;
  for (size_t i = 0; i < text.size();) {
    const Decoded decoded = DecodeUtf8(text, i);
    const int needed = WidthOf(decoded);
    if (used + needed > width - 1) break;
    cut.append(text.substr(i, decoded.length));
    used += needed;
    i += decoded.length;
  }
  return cut + "…";
}

std::string FormatDuration(Milliseconds duration) {
  const int64_t millis = std::max<int64_t>(duration.count(), 0);
  if (millis < 10'000) return absl::StrFormat("%.1fs", millis / 1000.0);
  const int64_t seconds = (millis + 500) / 1000;
  if (seconds < 60) return absl::StrFormat("%ds", seconds);
  if (seconds < 3600) return absl::StrFormat("%dm%02ds", seconds / 60, seconds % 60);
  const int64_t minutes = seconds / 60;
  if (minutes < 24 * 60) return absl::StrFormat("%dh%02dm", minutes / 60, minutes % 60);
  return absl::StrFormat("%dd%02dh", minutes / (24 * 60), minutes / 60 % 24);
}

std::string FormatBytes(uint64_t bytes) {
  static constexpr std::array<const char*, 5> kUnits = {"kB", "MB", "GB", "TB", "PB"};
  if (bytes < 1000) return StrCat(bytes, " B");
  double value = static_cast<double>(bytes) / 1000;
  size_t unit = 0;
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return absl::StrFormat("%.1f %s", value, kUnits[unit]);
}

std::string FormatMetric(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  const double size = std::abs(value);
  if (size != 0 && (size < 0.001 || size >= 10'000)) return absl::StrFormat("%.4g", value);
  return absl::StrFormat("%.4f", value);
}

std::string FormatMetric(const std::optional<double>& value) {
  return value.has_value() ? FormatMetric(*value) : "-";
}

std::string FormatTime(Timestamp time) {
  const std::tm utc = ToUtc(time);
  return absl::StrFormat("%04d-%02d-%02d %02d:%02d:%02d", utc.tm_year + 1900, utc.tm_mon + 1,
                         utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

std::string FormatTimeRfc3339(Timestamp time) {
  const std::tm utc = ToUtc(time);
  const auto millis = (time - std::chrono::floor<std::chrono::seconds>(time)).count();
  return absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1,
                         utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, millis);
}

std::string Count(int64_t count, std::string_view noun) {
  return StrCat(count, " ", noun, count == 1 ? "" : "s");
}

}  // namespace vizsla
