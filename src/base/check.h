// Checks state what only a bug of ours can break; they end the process with the place and the
// reason. Anything that a user, a file or a peer can cause is an absl::Status instead.
#pragma once

#include <cstdio>
#include <cstdlib>

#define VIZSLA_CHECK(condition)                                                               \
  do {                                                                                        \
    if (!(condition)) {                                                                       \
      std::fprintf(stderr, "%s:%d: check failed: %s (a bug in Vizsla)\n", __FILE__, __LINE__, \
                   #condition);                                                               \
      std::abort();                                                                           \
    }                                                                                         \
  } while (false)
