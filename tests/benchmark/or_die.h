// A benchmark that cannot go on says why and ends.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "src/base/status.h"

namespace vizsla {

template <typename T>
T OrDie(absl::StatusOr<T> value, const char* what) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "%s: %s\n", what, value.status().ToString().c_str());
  std::exit(1);
}

inline void OrDie(const absl::Status& status, const char* what) {
  OrDie(status.ok() ? absl::StatusOr<int>(0) : absl::StatusOr<int>(status), what);
}

}  // namespace vizsla
