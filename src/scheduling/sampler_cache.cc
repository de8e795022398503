#include "src/scheduling/sampler_cache.h"

#include <algorithm>

namespace vizsla {

absl::StatusOr<std::optional<Configuration>> SamplerCache::Suggest(TrialReader& reader,
                                                                   const Study& study) {
  VIZSLA_ASSIGN_OR_RETURN(const int64_t last, reader.LastTrialNumber(study.id));
  auto found = entries_.find(study.id);
  if (found == entries_.end() || found->second.last_number != last) {
    Entry entry;
    VIZSLA_ASSIGN_OR_RETURN(entry.sampler, MakeSampler(study.spec));
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, reader.ListTrials(study.id, {}));
    for (const Trial& trial : trials) entry.sampler->Observe(trial);
    entry.last_number = last;
    found = entries_.insert_or_assign(study.id, std::move(entry)).first;
  }
  return found->second.sampler->Suggest(last + 1);
}

void SamplerCache::Observe(const Trial& trial) {
  const auto found = entries_.find(trial.study);
  if (found == entries_.end()) return;
  found->second.sampler->Observe(trial);
  found->second.last_number = std::max(found->second.last_number, trial.number);
}

}  // namespace vizsla
