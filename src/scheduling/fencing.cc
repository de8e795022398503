#include "src/scheduling/fencing.h"

namespace vizsla {

bool HoldsLease(const Trial& trial, AttemptNumber attempt) {
  return trial.state == TrialState::kRunning && trial.attempt == attempt;
}

absl::Status CheckLease(const Trial& trial, AttemptNumber attempt) {
  if (HoldsLease(trial, attempt)) return absl::OkStatus();
  const std::string speaker = StrCat("attempt ", attempt.value(), " of trial ", trial.number);
  if (trial.attempt < attempt) {
    return absl::FailedPreconditionError(
        StrCat(speaker, " was never given (the newest is ", trial.attempt.value(), ")"));
  }
  if (trial.state == TrialState::kRunning) {
    return absl::FailedPreconditionError(
        StrCat(speaker, " no longer holds the lease (attempt ", trial.attempt.value(), " does)"));
  }
  return absl::FailedPreconditionError(
      StrCat(speaker, " no longer holds the lease (the trial is ", ToText(trial.state), ")"));
}

}  // namespace vizsla
