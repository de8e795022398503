#include "src/scheduling/find_trial.h"

#include "src/study/trial_groups.h"

namespace vizsla {

absl::StatusOr<Trial> FindTrialOrBest(TrialReader& reader, const Study& study, int64_t number) {
  if (number != 0) return reader.FindTrial(study.id, number);
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, reader.ListTrials(study.id, {}));
  const Trial* best = FindBestRun(study.spec.objective, trials);
  if (best != nullptr) return *best;
  return absl::NotFoundError(StrCat("study '", study.spec.name, "' has no trial with a score yet"));
}

}  // namespace vizsla
