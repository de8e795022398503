// The live pruners of studies, one for each stage that prunes, derived from the stored trials and
// reports and made anew when they may disagree with them. Used only inside changes of the
// TrialStore, which run one after another.
#pragma once

#include <map>
#include <memory>
#include <utility>

#include "src/pruning/pruner.h"
#include "src/scheduling/trial_store.h"

namespace vizsla {

class PrunerCache {
 public:
  struct Found {
    Pruner* pruner = nullptr;  // null for a stage without pruning; valid until the next call
    bool is_new = false;       // made by this call
  };
  absl::StatusOr<Found> Of(TrialReader& reader, const Study& study, int stage);

  // Tell it of every trial that the running change inserts or changes, and of every report.
  void Observe(const Trial& trial);
  void ObserveReport(const Trial& trial, const EpochReport& report);

  // The study's specification has changed, or the study is gone.
  void Forget(StudyId study);
  // What it was told has not been stored.
  void Clear() { entries_.clear(); }

 private:
  struct Entry {
    Budget budget;
    std::string metric;
    std::unique_ptr<Pruner> pruner;
  };
  static absl::StatusOr<Entry> Make(TrialReader& reader, const Study& study, int stage);
  static void ObserveIn(const Entry& entry, const Trial& trial);
  static void ObserveReportIn(const Entry& entry, const Trial& trial, const EpochReport& report);

  std::map<std::pair<StudyId, int>, Entry> entries_;  // by stage
};

}  // namespace vizsla
