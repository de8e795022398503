// More runs of a configuration, stored in the change that calls for them.
#include "src/scheduling/repeat_policy.h"
#include "src/scheduling/scheduler_impl.h"
#include "src/scheduling/stage_policy.h"

namespace vizsla {
absl::Status SchedulerImpl::InsertRuns(TrialWriter& writer, const std::vector<Trial>& runs,
                                       Effects& effects) {
  for (Trial run : runs) {
    VIZSLA_ASSIGN_OR_RETURN(run.id, writer.InsertTrial(run));
    ObserveTrial(run);
    effects.changed = true;
  }
  return absl::OkStatus();
}

absl::Status SchedulerImpl::AddRepeats(TrialWriter& writer, const Study& study,
                                       std::span<const Trial> firsts, Effects& effects) {
  if (study.spec.repeats <= 1) return absl::OkStatus();
  for (const Trial& first : firsts) {
    recorder_.Note(study.id, RepeatsEvent{first.number});
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> runs, writer.ListRuns(study.id, first.number));
    VIZSLA_ASSIGN_OR_RETURN(const int64_t last, writer.LastTrialNumber(study.id));
    VIZSLA_RETURN_IF_ERROR(InsertRuns(
        writer, MissingRepeats(study.spec, first, runs, last + 1, clock_.Now()), effects));
  }
  return absl::OkStatus();
}

absl::Status SchedulerImpl::EndHopelessRuns(TrialWriter& writer, const Study& study,
                                            const Trial& ended, Effects& effects) {
  if (!HasRepeats(study.spec)) return absl::OkStatus();
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> runs,
                          writer.ListRuns(study.id, GroupNumber(ended)));
  const std::vector<Trial> hopeless = HopelessRuns(runs, ended, clock_.Now());
  HopelessEvent event{ended.number, {}};
  for (const Trial& run : hopeless) event.numbers.push_back(run.number);
  recorder_.NoteIfAny(study.id, event);
  for (const Trial& run : hopeless) {
    VIZSLA_RETURN_IF_ERROR(writer.UpdateTrial(run));
    ObserveTrial(run);
    effects.changed = true;
    VIZSLA_RETURN_IF_ERROR(CountEnd(writer, study, run));
  }
  return absl::OkStatus();
}

absl::Status SchedulerImpl::BeginFinalRuns(TrialWriter& writer, const Study& study,
                                           Effects& effects) {
  if (study.spec.final_runs.top == 0) return absl::OkStatus();
  VIZSLA_ASSIGN_OR_RETURN(const bool goes_on, HasWork(writer, study));
  if (goes_on) return absl::OkStatus();
  recorder_.NoteIfAny(study.id, FinalRunsEvent{});
  const Timestamp now = clock_.Now();
  VIZSLA_RETURN_IF_ERROR(PrunePaused(writer, study, now, effects));
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, writer.ListTrials(study.id, {}));
  if (trials.empty()) return absl::OkStatus();
  return InsertRuns(writer, MissingFinalRuns(study.spec, trials, trials.back().number + 1, now),
                    effects);
}

}  // namespace vizsla
