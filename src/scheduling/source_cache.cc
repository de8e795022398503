#include "src/scheduling/source_cache.h"

namespace vizsla {

absl::StatusOr<SourceCache::Found> SourceCache::Of(TrialReader& reader, const Study& study) {
  const auto found = entries_.find(study.id);
  if (found != entries_.end()) return Found{&found->second, false};
  StudySources sources(study.spec.objective);
  VIZSLA_RETURN_IF_ERROR(reader.ForEachTrial(study.id, [&](const Trial& trial) {
    sources.Put(trial);
    return absl::OkStatus();
  }));
  return Found{&entries_.emplace(study.id, std::move(sources)).first->second, true};
}

void SourceCache::Observe(const Trial& trial) {
  const auto found = entries_.find(trial.study);
  if (found != entries_.end()) found->second.Put(trial);
}

}  // namespace vizsla
