// Names from a file, for sentences about it.
#pragma once

#include <string>
#include <string_view>

#include "absl/strings/escaping.h"

namespace vizsla {

// Whatever a hostile file puts into a name must neither move a cursor nor fill a log: printable
// ASCII stays, all else is escaped as in C; a long name is cut.
inline std::string EscapeName(std::string_view name) {
  constexpr size_t kMostBytes = 80;
  const std::string_view shown = name.substr(0, kMostBytes);
  return absl::CEscape({shown.data(), shown.size()}) + (shown.size() < name.size() ? "..." : "");
}

}  // namespace vizsla
