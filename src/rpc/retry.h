// When to try again. Pure.
#pragma once

#include <chrono>
#include <optional>

#include "src/base/status.h"

namespace vizsla {

// Nobody answered: the server was not there, went away, or did not answer in time. Or it answered
// that it did nothing and may do it soon (Aborted): its database is locked, or it is shutting down.
bool IsTransient(const absl::Status& status);
// Makes IsTransient true of an error whose code does not say so: a quota that fills again.
void MarkTransient(absl::Status* status);

// The pause before try number `tries` + 1: 100 ms doubled after each try up to 5 s, times a random
// factor from 0.5 to 1 (`jitter` in [0,1)), so that a hundred workers do not come back at one
// instant. Nullopt when it would end after `patience`.
std::optional<std::chrono::milliseconds> NextPause(int tries, double jitter,
                                                   std::chrono::milliseconds elapsed,
                                                   std::chrono::milliseconds patience);

}  // namespace vizsla
