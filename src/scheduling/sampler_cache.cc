#include "src/scheduling/sampler_cache.h"

#include <algorithm>

#include "src/study/take_over.h"

namespace vizsla {

absl::StatusOr<std::optional<Configuration>> SamplerCache::Suggest(TrialReader& reader,
                                                                   const Study& study, int stage,
                                                                   const Trial* source) {
  VIZSLA_ASSIGN_OR_RETURN(const int64_t last, reader.LastTrialNumber(study.id));
  const Place place{study.id, stage, source == nullptr ? 0 : source->number};
  auto found = entries_.find(place);
  if (found == entries_.end() || found->second.last_number != last) {
    const StageView view = StageOf(study.spec, stage);
    Entry entry;
    entry.space = source == nullptr ? view.space : SpaceOn(view.space, source->configuration);
    VIZSLA_ASSIGN_OR_RETURN(
        entry.sampler, MakeSampler(view.sampler, entry.space, DirectionsOf(study.spec.objective),
                                   study.spec.seed));
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, reader.ListTrials(study.id, {}));
    for (const Trial& trial : trials) ObserveIn(place, entry, trial);
    entry.last_number = last;
    found = entries_.insert_or_assign(place, std::move(entry)).first;
  }
  return found->second.sampler->Suggest(last + 1);
}

void SamplerCache::ObserveIn(const Place& place, Entry& entry, const Trial& trial) {
  entry.last_number = std::max(entry.last_number, trial.number);
  if (trial.stage != place.stage || IsWaiting(trial)) return;  // not whole yet
  if (place.source == 0) {
    entry.sampler->Observe(trial);
  } else if (trial.warm_start.trial == place.source) {
    Trial drawn = trial;
    drawn.configuration = DrawnPart(entry.space, trial.configuration);
    entry.sampler->Observe(drawn);
  }
}

void SamplerCache::Observe(const Trial& trial) {
  const Place first{trial.study, 1, 0};
  for (auto entry = entries_.lower_bound(first);
       entry != entries_.end() && entry->first.study == trial.study; ++entry) {
    ObserveIn(entry->first, entry->second, trial);
  }
}

void SamplerCache::Forget(StudyId study) {
  std::erase_if(entries_, [&](const auto& entry) { return entry.first.study == study; });
}

}  // namespace vizsla
