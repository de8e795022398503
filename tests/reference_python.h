// Which Python answers as the independent reference: Debian's, or the command in
// VIZSLA_REFERENCE_PYTHON, for instance one with the PyTorch of the LibTorch that is tested.
#pragma once

#include <cstdlib>
#include <string>

namespace vizsla {

inline bool HasOwnReferencePython() { return std::getenv("VIZSLA_REFERENCE_PYTHON") != nullptr; }

// A LibTorch on LD_LIBRARY_PATH is not that Python's.
inline std::string ReferencePython() {
  const char* own = std::getenv("VIZSLA_REFERENCE_PYTHON");
  return std::string("env -u LD_LIBRARY_PATH ") + (own != nullptr ? own : "/usr/bin/python3");
}

}  // namespace vizsla
