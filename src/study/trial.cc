#include "src/study/trial.h"

#include <algorithm>
#include <array>

#include "src/base/check.h"

namespace vizsla {
namespace {

constexpr std::array<std::string_view, 9> kStates = {"queued",    "running",    "paused",
                                                     "completed", "pruned",     "failed",
                                                     "diverged",  "infeasible", "cancelled"};

constexpr std::array<std::string_view, 10> kOutcomes = {
    "running",    "completed", "pruned",  "paused",    "diverged",
    "infeasible", "failed",    "crashed", "preempted", "cancelled"};

}  // namespace

std::string_view ToText(TrialState state) {
  const auto index = static_cast<size_t>(state);
  VIZSLA_CHECK(index < kStates.size());
  return kStates[index];
}

absl::StatusOr<TrialState> TrialStateFromText(std::string_view text) {
  const auto found = std::find(kStates.begin(), kStates.end(), text);
  if (found == kStates.end()) {
    return absl::InvalidArgumentError(StrCat("'", text, "' is no state of a trial"));
  }
  return static_cast<TrialState>(found - kStates.begin());
}

bool IsFinished(TrialState state) {
  return state != TrialState::kQueued && state != TrialState::kRunning &&
         state != TrialState::kPaused;
}

bool CanMove(TrialState from, TrialState to) {
  switch (from) {
    case TrialState::kQueued:
      return to == TrialState::kRunning || to == TrialState::kCancelled ||
             to == TrialState::kInfeasible;  // its source is of no use
    case TrialState::kRunning:
      return to != TrialState::kRunning;  // back to the queue, to a rung, or to any end
    case TrialState::kPaused:
      return to == TrialState::kQueued || to == TrialState::kPruned || to == TrialState::kCancelled;
    default:
      return false;
  }
}

std::string_view ToText(WarmStart::Kind kind) {
  switch (kind) {
    case WarmStart::Kind::kNone:
      return "none";
    case WarmStart::Kind::kTrial:
      return "trial";
    case WarmStart::Kind::kBest:
      return "best";
    case WarmStart::Kind::kBestConfiguration:
      return "best configuration";
  }
  VIZSLA_CHECK(false);
}

int ResumeEpoch(const Trial& trial) {
  return trial.last_checkpoint.empty() ? trial.lineage.parent_epoch : trial.last_checkpoint_epoch;
}

int64_t MemberOf(const Trial& trial) {
  return trial.lineage.parent == 0 ? trial.number : trial.lineage.member;
}

bool IsWaiting(const Trial& trial) {
  if (trial.state != TrialState::kQueued) return false;
  switch (trial.warm_start.kind) {
    case WarmStart::Kind::kNone:
      return false;
    case WarmStart::Kind::kTrial:
    case WarmStart::Kind::kBest:
      return trial.warm_start.checkpoint.empty();
    case WarmStart::Kind::kBestConfiguration:
      return trial.warm_start.trial == 0;
  }
  VIZSLA_CHECK(false);
}

std::string_view ToText(AttemptOutcome outcome) {
  const auto index = static_cast<size_t>(outcome);
  VIZSLA_CHECK(index < kOutcomes.size());
  return kOutcomes[index];
}

}  // namespace vizsla
