// Where exceptions of LibTorch (and of the standard library) become statuses: once, at this
// module's edge.
#pragma once

#include <utility>

#include "src/base/status.h"

namespace vizsla {

// In a catch block: what was thrown. Out of memory is ResourceExhausted; a GPU that
// faulted Aborted, for it stays unusable in this process; a ReductionError its own
// status; everything else Internal with the first line of the message (LibTorch appends a
// backtrace).
absl::Status StatusFromCurrentException();

// Runs `body`, which returns a Status or StatusOr, and catches what it throws.
template <typename Body>
auto CatchAll(Body&& body) -> decltype(body()) {
  try {
    return std::forward<Body>(body)();
  } catch (...) {
    return StatusFromCurrentException();
  }
}

}  // namespace vizsla
