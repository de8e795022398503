#include "src/base/log_json.h"

#include <cstdio>
#include <ctime>

#include "src/base/str_cat.h"

namespace vizsla {
namespace {

// The length of the well-formed UTF-8 character at the start of `text` (RFC 3629: no overlong
// forms, no surrogates, nothing above U+10FFFF); 0 when there is none.
size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto follows = [&](size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool second = follows(1, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF);
    return second && follows(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool second = follows(1, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF);
    return second && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

void AppendEscaped(std::string_view text, std::string& out) {
  out += '"';
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text[0]);
    const size_t length = Utf8Length(text);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else if (first == '"' || first == '\\') {
      out += '\\';
      out += text[0];
    } else if (first == '\n') {
      out += "\\n";
    } else if (first == '\t') {
      out += "\\t";
    } else if (first < 0x20 || first == 0x7F) {
      char code[8];
      std::snprintf(code, sizeof(code), "\\u%04x", first);
      out += code;
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

void AppendField(std::string_view name, std::string_view value, std::string& out) {
  if (out.size() > 1) out += ',';
  AppendEscaped(name, out);
  out += ':';
  AppendEscaped(value, out);
}

void AppendField(std::string_view name, int64_t value, std::string& out) {
  out += ',';
  AppendEscaped(name, out);
  out += StrCat(":", value);
}

}  // namespace

std::string ToIso8601(Timestamp time) {
  const int64_t millis = ToUnixMillis(time);
  const int64_t seconds = millis >= 0 ? millis / 1000 : (millis - 999) / 1000;
  const std::time_t moment = static_cast<std::time_t>(seconds);
  std::tm parts{};
  ::gmtime_r(&moment, &parts);
  char date[32];
  std::strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts);
  char text[48];
  std::snprintf(text, sizeof(text), "%s.%03dZ", date, static_cast<int>(millis - seconds * 1000));
  return text;
}

std::string ToJson(const LogLine& line) {
  std::string out = "{";
  AppendField("time", ToIso8601(line.time), out);
  AppendField("level", line.level, out);
  AppendField("program", line.program, out);
  AppendField("pid", line.pid, out);
  AppendField("message", line.message, out);
  if (line.fields != nullptr) {
    if (!line.fields->study.empty()) AppendField("study", line.fields->study, out);
    if (line.fields->trial != 0) AppendField("trial", line.fields->trial, out);
    if (line.fields->attempt != 0) AppendField("attempt", line.fields->attempt, out);
  }
  out += '}';
  return out;
}

}  // namespace vizsla
