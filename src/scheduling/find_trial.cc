#include "src/scheduling/find_trial.h"

#include "src/scheduling/standings.h"

namespace vizsla {

absl::StatusOr<Trial> FindTrialOrBest(TrialReader& reader, const Study& study, int64_t number) {
  if (number != 0) return reader.FindTrial(study.id, number);
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<TrialSummary> trials, reader.SummarizeTrials(study.id));
  Standings standings(study.spec.objective);
  for (const TrialSummary& trial : trials) standings.Put(trial);
  if (const auto best = standings.Best()) return reader.GetTrial(*best);
  return absl::NotFoundError(StrCat("study '", study.spec.name, "' has no trial with a score yet"));
}

}  // namespace vizsla
