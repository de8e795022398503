// Exploit and explore, stored in the change that causes them.
#include "src/base/random.h"
#include "src/scheduling/lineage.h"
#include "src/scheduling/scheduler_impl.h"

namespace vizsla {

absl::Status SchedulerImpl::ReplaceLosers(TrialWriter& writer, const Study& study, int stage,
                                          Effects& effects) {
  if (study.state == StudyState::kFinished) return absl::OkStatus();
  VIZSLA_ASSIGN_OR_RETURN(Pruner* const pruner, PrunerOf(writer, study, stage));
  if (pruner == nullptr) return absl::OkStatus();
  while (const auto replacement = pruner->NextToReplace()) {
    VIZSLA_RETURN_IF_ERROR(Replace(writer, study, *replacement, effects));
  }
  return absl::OkStatus();
}

absl::Status SchedulerImpl::Replace(TrialWriter& writer, const Study& study,
                                    const Replacement& replacement, Effects& effects) {
  VIZSLA_ASSIGN_OR_RETURN(const Trial loser, writer.FindTrial(study.id, replacement.loser));
  VIZSLA_ASSIGN_OR_RETURN(const int64_t last, writer.LastTrialNumber(study.id));
  RandomStream stream(
      StreamKey(study.spec.seed).With("exploit").With(static_cast<uint64_t>(last + 1)));
  const size_t chosen = stream.UniformInt(replacement.sources.size());
  VIZSLA_ASSIGN_OR_RETURN(const Trial source,
                          writer.FindTrial(study.id, replacement.sources[chosen]));
  const Timestamp now = clock_.Now();
  Trial successor = MakeSuccessor(study, loser, source, last + 1, now);
  VIZSLA_ASSIGN_OR_RETURN(successor.id, writer.InsertTrial(successor));
  ObserveTrial(successor);
  effects.changed = true;
  if (loser.state != TrialState::kPaused) return absl::OkStatus();
  return EndPaused(writer, study, loser, StrCat("exploited trial ", source.number), now, effects);
}

}  // namespace vizsla
