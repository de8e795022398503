// One live sampler a study, derived from the stored trials and made anew whenever the two disagree
// (after a restart, a failed commit or a raised budget). Used only inside changes of the
// TrialStore, which run one after another.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "src/scheduling/trial_store.h"
#include "src/search/sampler.h"

namespace vizsla {

class SamplerCache {
 public:
  // The configuration of the study's next trial; nullopt when its sampler has no more.
  absl::StatusOr<std::optional<Configuration>> Suggest(TrialReader& reader, const Study& study);

  // Tell it of every trial that the running change inserts or ends.
  void Observe(const Trial& trial);

  // The sampler is made anew when it is next asked: its specification has changed, or a commit
  // failed and it may have seen what was not stored.
  void Forget(StudyId study) { entries_.erase(study); }

 private:
  struct Entry {
    std::unique_ptr<Sampler> sampler;
    int64_t last_number = 0;  // the largest one observed
  };
  std::map<StudyId, Entry> entries_;
};

}  // namespace vizsla
