// A strict little reader of XML for tests: every element closed, in order, every attribute quoted,
// every & the start of a known entity.
#pragma once

#include <gtest/gtest.h>

#include <regex>
#include <string>
#include <vector>

namespace vizsla {

// What is wrong, or empty. A doctype or an XML declaration may stand first.
inline std::string MarkupTrouble(const std::string& text) {
  static const std::regex kTag(
      R"(^<(/?)([A-Za-z][A-Za-z0-9]*)((?:\s+[A-Za-z][A-Za-z0-9:-]*="[^"<]*")*)\s*(/?)>)");
  static const std::regex kEntity("^&(amp|lt|gt|quot|#39);");
  std::vector<std::string> open;
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.size(), at + 200'000);
    if (text[at] == '&') {
      if (!std::regex_search(text.begin() + at, text.begin() + std::min(end, at + 10), kEntity)) {
        return "bare & at " + text.substr(at, 40);
      }
      ++at;
    } else if (text.compare(at, 2, "<!") == 0 || text.compare(at, 2, "<?") == 0) {
      at = text.find('>', at) + 1;
    } else if (text[at] == '<') {
      const size_t close = text.find('>', at);
      if (close == std::string::npos) return "unclosed tag at " + text.substr(at, 40);
      const std::string tag = text.substr(at, close + 1 - at);
      // Long attributes (points, pictures) would overflow std::regex's stack: cut them.
      std::string short_tag;
      bool quoted = false;
      for (const char c : tag) {
        if (c == '"') quoted = !quoted;
        if (!quoted || c == '"' || c == '<') short_tag += c;
      }
      std::smatch match;
      if (!std::regex_match(short_tag, match, kTag)) return "odd tag " + tag.substr(0, 80);
      if (match[1].length() > 0) {
        if (open.empty() || open.back() != match[2].str()) return "stray end of " + match[2].str();
        open.pop_back();
      } else if (match[4].length() == 0) {
        open.push_back(match[2].str());
      }
      at = close + 1;
    } else {
      ++at;
    }
  }
  return open.empty() ? "" : "not closed: " + open.back();
}

inline size_t CountOf(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size()))
    ++count;
  return count;
}

}  // namespace vizsla
