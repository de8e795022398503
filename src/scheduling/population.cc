// Exploit and explore, stored in the change that causes them.
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
  if (KindOf(StageOf(study.spec, stage).pruner) == PrunerKind::kPopulation) {
    recorder_.NoteIfAny(study.id, ReplaceEvent{stage, 0, 0});
  }
  return absl::OkStatus();
}

absl::Status SchedulerImpl::Replace(TrialWriter& writer, const Study& study,
                                    const Replacement& replacement, Effects& effects) {
  const Timestamp now = clock_.Now();
  VIZSLA_ASSIGN_OR_RETURN(Exploit exploit, ChooseExploit(writer, study, replacement, now));
  auto& [loser, source, successor] = exploit;
  recorder_.Note(study.id, ReplaceEvent{source.stage, loser.number, source.number});
  VIZSLA_ASSIGN_OR_RETURN(successor.id, writer.InsertTrial(successor));
  ObserveTrial(successor);
  effects.changed = true;
  if (loser.state != TrialState::kPaused) return absl::OkStatus();
  return EndPaused(writer, study, loser, StrCat("exploited trial ", source.number), now, effects);
}

}  // namespace vizsla
