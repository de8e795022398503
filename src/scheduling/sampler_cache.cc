#include "src/scheduling/sampler_cache.h"

#include <algorithm>
#include <limits>

#include "src/pruning/rungs.h"
#include "src/scheduling/learn_policy.h"
#include "src/study/take_over.h"

namespace vizsla {

absl::StatusOr<std::optional<Configuration>> SamplerCache::Suggest(TrialReader& reader,
                                                                   const Study& study, int stage,
                                                                   const Trial* source) {
  VIZSLA_ASSIGN_OR_RETURN(const int64_t last, reader.LastTrialNumber(study.id));
  const Place place{study.id, stage, source == nullptr ? 0 : source->number};
  auto found = entries_.find(place);
  if (found == entries_.end() || found->second.last_number != last) {
    VIZSLA_ASSIGN_OR_RETURN(Entry entry, Make(reader, study, place, source));
    entry.last_number = last;
    found = entries_.insert_or_assign(place, std::move(entry)).first;
  }
  return found->second.sampler->Suggest(found->second.configurations.next_number());
}

absl::StatusOr<SamplerCache::Entry> SamplerCache::Make(TrialReader& reader, const Study& study,
                                                       const Place& place, const Trial* source) {
  const StageView view = StageOf(study.spec, place.stage);
  const Objective& objective = study.spec.objective;
  Entry entry;
  entry.metric = objective.metric;
  entry.configurations = ConfigurationView(study.spec.repeats > 1);
  entry.space = source == nullptr ? view.space : SpaceOn(view.space, source->configuration);
  VIZSLA_ASSIGN_OR_RETURN(entry.sampler,
                          MakeSampler(view.sampler, entry.space, DirectionsOf(objective),
                                      study.spec.seed, RungsOf(view.pruner, view.budget.epochs)));
  if (place.stage == 1 && !study.spec.learn_from.empty()) {
    VIZSLA_ASSIGN_OR_RETURN(const auto learned, reader.ListLearned(study.id));
    for (const Trial& trial : AsObservations(learned)) entry.sampler->Learn(trial);
  }
  VIZSLA_RETURN_IF_ERROR(reader.ForEachTrial(study.id, [&](const Trial& trial) -> absl::Status {
    ObserveIn(place, entry, trial);
    if (!entry.sampler->UsesReports() || !IsOf(place, trial)) return absl::OkStatus();
    VIZSLA_ASSIGN_OR_RETURN(const auto values, reader.ListValues(trial.id, entry.metric));
    for (const ReportedValue& value : values) {
      entry.sampler->ObserveReport(trial.number, value.epoch, value.attempt, value.value);
    }
    return absl::OkStatus();
  }));
  return entry;
}

bool SamplerCache::IsOf(const Place& place, const Trial& trial) {
  if (trial.stage != place.stage || IsWaiting(trial)) return false;  // not whole yet
  return place.source == 0 || trial.warm_start.trial == place.source;
}

void SamplerCache::ObserveIn(const Place& place, Entry& entry, const Trial& trial) {
  entry.last_number = std::max(entry.last_number, trial.number);
  std::optional<Trial> seen = entry.configurations.Add(trial);
  if (!seen || !IsOf(place, trial)) return;
  if (place.source != 0) seen->configuration = DrawnPart(entry.space, trial.configuration);
  entry.sampler->Observe(*seen);
}

void SamplerCache::ObserveReportIn(const Place& place, Entry& entry, const Trial& trial,
                                   const EpochReport& report) {
  if (!entry.sampler->UsesReports() || !IsOf(place, trial)) return;
  const auto metric = report.metrics.find(entry.metric);
  const double value =
      metric != report.metrics.end() ? metric->second : std::numeric_limits<double>::quiet_NaN();
  entry.sampler->ObserveReport(trial.number, report.epoch, report.attempt, value);
}

void SamplerCache::Observe(const Trial& trial) {
  const Place first{trial.study, 1, 0};
  for (auto entry = entries_.lower_bound(first);
       entry != entries_.end() && entry->first.study == trial.study; ++entry) {
    ObserveIn(entry->first, entry->second, trial);
  }
}

void SamplerCache::ObserveReport(const Trial& trial, const EpochReport& report) {
  const Place first{trial.study, 1, 0};
  for (auto entry = entries_.lower_bound(first);
       entry != entries_.end() && entry->first.study == trial.study; ++entry) {
    if (!entry->second.sampler->UsesReports()) continue;
    // Its epoch too: a report counts once the row has got so far.
    ObserveIn(entry->first, entry->second, trial);
    ObserveReportIn(entry->first, entry->second, trial, report);
  }
}

void SamplerCache::Forget(StudyId study) {
  std::erase_if(entries_, [&](const auto& entry) { return entry.first.study == study; });
}

}  // namespace vizsla
