// How many configurations of each stage there are that count against its budget, kept so that the
// question for the next trial does not walk over all before it. Used only inside changes of the
// TrialStore, as SamplerCache is.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "src/scheduling/trial_store.h"

namespace vizsla {

class StageCounts {
 public:
  // First runs, without those that take the places of others in a population.
  absl::StatusOr<int64_t> Of(TrialReader& reader, StudyId study, int stage);
  // The latest stage that has a trial; 1 before the first. CurrentStage of stage_policy.h.
  absl::StatusOr<int> Current(TrialReader& reader, StudyId study);

  // Tell it of every trial that the running change inserts. One that it was not told of, or that
  // was undone, is noticed by its number, and all are counted anew.
  void Observe(const Trial& trial);
  void Forget(StudyId study) { entries_.erase(study); }
  void Clear() { entries_.clear(); }

 private:
  struct Entry {
    std::vector<int64_t> counts;  // by stage
    int64_t last_number = 0;
  };
  static void Add(Entry& entry, int64_t number, int stage, bool counts);
  absl::StatusOr<const Entry*> Find(TrialReader& reader, StudyId study);

  std::map<StudyId, Entry> entries_;
};

}  // namespace vizsla
