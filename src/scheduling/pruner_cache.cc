#include "src/scheduling/pruner_cache.h"

#include <limits>

namespace vizsla {

absl::StatusOr<PrunerCache::Found> PrunerCache::Of(TrialReader& reader, const Study& study,
                                                   int stage) {
  if (KindOf(StageOf(study.spec, stage).pruner) == PrunerKind::kNone) return Found();
  const std::pair key(study.id, stage);
  const auto found = entries_.find(key);
  if (found != entries_.end()) return Found{found->second.pruner.get(), false};
  VIZSLA_ASSIGN_OR_RETURN(Entry entry, Make(reader, study, stage));
  return Found{entries_.emplace(key, std::move(entry)).first->second.pruner.get(), true};
}

absl::StatusOr<PrunerCache::Entry> PrunerCache::Make(TrialReader& reader, const Study& study,
                                                     int stage) {
  const StageView view = StageOf(study.spec, stage);
  Entry entry{view.budget, study.spec.objective.metric, nullptr};
  PrunerContext context;
  context.direction = study.spec.objective.direction;
  context.max_epochs = view.budget.epochs;
  const auto make = [&](int64_t first_trial) -> absl::Status {
    context.first_trial = first_trial;
    VIZSLA_ASSIGN_OR_RETURN(entry.pruner, MakePruner(view.pruner, context));
    return absl::OkStatus();
  };
  int64_t last = 0;
  VIZSLA_RETURN_IF_ERROR(reader.ForEachTrial(study.id, [&](const Trial& trial) -> absl::Status {
    last = trial.number;
    if (trial.stage != stage) return absl::OkStatus();
    // The stage's trials are numbered after those of the stages before.
    if (!entry.pruner) VIZSLA_RETURN_IF_ERROR(make(trial.number));
    if (trial.final_run) return absl::OkStatus();
    ObserveIn(entry, trial);
    VIZSLA_ASSIGN_OR_RETURN(const auto values, reader.ListValues(trial.id, entry.metric));
    for (const ReportedValue& value : values) {
      entry.pruner->ObserveReport(trial.number, value.epoch, value.attempt, value.value);
    }
    return absl::OkStatus();
  }));
  if (!entry.pruner) VIZSLA_RETURN_IF_ERROR(make(last + 1));
  return entry;
}

void PrunerCache::ObserveIn(const Entry& entry, const Trial& trial) {
  entry.pruner->Observe({trial.number, trial.state, trial.epoch,
                         PlannedEpochs(entry.budget, trial.configuration), trial.rung,
                         trial.last_checkpoint.empty() ? 0 : trial.last_checkpoint_epoch,
                         trial.lineage.parent, trial.lineage.parent_epoch, trial.lineage.member});
}

void PrunerCache::ObserveReportIn(const Entry& entry, const Trial& trial,
                                  const EpochReport& report) {
  const auto metric = report.metrics.find(entry.metric);
  const double value =
      metric != report.metrics.end() ? metric->second : std::numeric_limits<double>::quiet_NaN();
  entry.pruner->ObserveReport(trial.number, report.epoch, report.attempt, value);
}

void PrunerCache::Observe(const Trial& trial) {
  if (trial.final_run) return;  // never pruned, and no measure for others
  const auto found = entries_.find({trial.study, trial.stage});
  if (found != entries_.end()) ObserveIn(found->second, trial);
}

void PrunerCache::ObserveReport(const Trial& trial, const EpochReport& report) {
  if (trial.final_run) return;
  const auto found = entries_.find({trial.study, trial.stage});
  if (found != entries_.end()) ObserveReportIn(found->second, trial, report);
}

void PrunerCache::Forget(StudyId study) {
  std::erase_if(entries_, [&](const auto& entry) { return entry.first.first == study; });
}

}  // namespace vizsla
