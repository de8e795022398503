#include "src/rpc/retry.h"

#include <algorithm>

namespace vizsla {

namespace {

constexpr char kTransientMark[] = "vizsla/transient";

}  // namespace

void MarkTransient(absl::Status* status) { status->SetPayload(kTransientMark, absl::Cord("1")); }

bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsAborted(status) || status.GetPayload(kTransientMark).has_value();
}

std::optional<std::chrono::milliseconds> NextPause(int tries, double jitter,
                                                   std::chrono::milliseconds elapsed,
                                                   std::chrono::milliseconds patience) {
  constexpr std::chrono::milliseconds kFirst{100};
  constexpr std::chrono::milliseconds kLongest{5000};
  const int doublings = std::clamp(tries - 1, 0, 10);
  const auto full = std::min(kLongest, kFirst * (1 << doublings));
  const std::chrono::milliseconds pause(
      static_cast<int64_t>(static_cast<double>(full.count()) * (0.5 + 0.5 * jitter)));
  if (elapsed + pause > patience) return std::nullopt;
  return pause;
}

}  // namespace vizsla
