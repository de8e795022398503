// Numbers as text that says every bit of them.
#pragma once

#include <cstdio>
#include <string>

namespace vizsla {

// Hexadecimal, as strtod reads it: "0x1.999999999999ap-4".
inline std::string ExactNumber(double value) {
  char text[40];
  std::snprintf(text, sizeof(text), "%a", value);
  return text;
}

}  // namespace vizsla
