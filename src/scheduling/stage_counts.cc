#include "src/scheduling/stage_counts.h"

#include <algorithm>

namespace vizsla {

void StageCounts::Add(Entry& entry, int64_t number, int stage, bool counts) {
  const auto place = static_cast<size_t>(std::max(1, stage));
  if (entry.counts.size() < place) entry.counts.resize(place);
  if (counts) ++entry.counts[place - 1];
  entry.last_number = number;
}

absl::StatusOr<const StageCounts::Entry*> StageCounts::Find(TrialReader& reader, StudyId study) {
  VIZSLA_ASSIGN_OR_RETURN(const int64_t last, reader.LastTrialNumber(study));
  const auto found = entries_.find(study);
  if (found != entries_.end() && found->second.last_number == last) return &found->second;
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<TrialSummary> trials, reader.SummarizeTrials(study));
  Entry entry;
  for (const TrialSummary& trial : trials) {
    Add(entry, trial.number, trial.stage, trial.repeat_of == 0 && trial.parent == 0);
  }
  return &entries_.insert_or_assign(study, std::move(entry)).first->second;
}

absl::StatusOr<int64_t> StageCounts::Of(TrialReader& reader, StudyId study, int stage) {
  VIZSLA_ASSIGN_OR_RETURN(const Entry* const entry, Find(reader, study));
  const auto place = static_cast<size_t>(stage);
  return place <= entry->counts.size() ? entry->counts[place - 1] : 0;
}

absl::StatusOr<int> StageCounts::Current(TrialReader& reader, StudyId study) {
  VIZSLA_ASSIGN_OR_RETURN(const Entry* const entry, Find(reader, study));
  return std::max(1, static_cast<int>(entry->counts.size()));
}

void StageCounts::Observe(const Trial& trial) {
  const auto found = entries_.find(trial.study);
  if (found == entries_.end() || trial.number != found->second.last_number + 1) return;
  Add(found->second, trial.number, trial.stage, trial.repeat_of == 0 && trial.lineage.parent == 0);
}

}  // namespace vizsla
