// The StudySources of studies, derived from the stored trials and made anew when they may disagree
// with them. Used only inside changes of the TrialStore, as SamplerCache is.
#pragma once

#include <map>

#include "src/scheduling/study_sources.h"
#include "src/scheduling/trial_store.h"

namespace vizsla {

class SourceCache {
 public:
  struct Found {
    const StudySources* sources = nullptr;  // never null; valid until the next call
    bool is_new = false;                    // made by this call
  };
  absl::StatusOr<Found> Of(TrialReader& reader, const Study& study);

  // Tell it of every trial that the running change inserts or changes.
  void Observe(const Trial& trial);
  // The study's specification has changed, or the study is gone.
  void Forget(StudyId study) { entries_.erase(study); }
  // What it was told has not been stored.
  void Clear() { entries_.clear(); }

 private:
  std::map<StudyId, StudySources> entries_;
};

}  // namespace vizsla
