#include "src/study/json_append.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace vizsla {

bool AppendPlainText(std::string_view text, std::string& json) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return c >= ' ' && c <= '~' && c != '"' && c != '\\';
  });
  if (!plain) return false;
  json += '"';
  json += text;
  json += '"';
  return true;
}

void AppendNumber(int64_t number, std::string& json) {
  char digits[24];
  json.append(digits, std::to_chars(digits, digits + sizeof(digits), number).ptr);
}

void AppendNumber(double number, std::string& json) {
  // The library's own digits: they are not always the shortest, and stored texts are compared.
  char digits[64];
  json.append(digits, nlohmann::detail::to_chars(digits, digits + sizeof(digits), number));
}

bool BeginMember(std::string_view name, std::string& json) {
  json += json.empty() ? '{' : ',';
  if (!AppendPlainText(name, json)) return false;
  json += ':';
  return true;
}

void EndObject(std::string& json) { json += json.empty() ? "{}" : "}"; }

}  // namespace vizsla
