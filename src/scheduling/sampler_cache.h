// The live samplers of studies, one for each stage and each source of a stage, derived from the
// stored trials and made anew whenever the two disagree (after a restart, a failed commit or a
// raised budget). Used only inside changes of the TrialStore, which run one after another.
#pragma once

#include <compare>
#include <map>
#include <memory>
#include <optional>

#include "src/scheduling/configuration_view.h"
#include "src/scheduling/trial_store.h"
#include "src/search/sampler.h"

namespace vizsla {

class SamplerCache {
 public:
  // The configuration of the study's next trial; nullopt when its sampler has no more. Of the first
  // stage without `source`; of a later one what is drawn of SpaceOn the source's configuration.
  absl::StatusOr<std::optional<Configuration>> Suggest(TrialReader& reader, const Study& study,
                                                       int stage, const Trial* source);

  // Tell it of every trial that the running change inserts or ends, or whose source it decides.
  // When the change is not stored after all, a sampler that has seen a trial too many is noticed by
  // its number; what was decided or ended will be again, and is then observed again.
  void Observe(const Trial& trial);
  // And of every report.
  void ObserveReport(const Trial& trial, const EpochReport& report);

  // The samplers are made anew when they are next asked: the study's specification has changed, or
  // the study is gone.
  void Forget(StudyId study);
  // What they were told has not been stored.
  void Clear() { entries_.clear(); }

 private:
  struct Place {
    StudyId study;
    int stage = 1;
    int64_t source = 0;  // a trial's number; 0 in the first stage
    auto operator<=>(const Place&) const = default;
  };
  struct Entry {
    SearchSpace space;
    std::unique_ptr<Sampler> sampler;
    std::string metric;  // the study's objective
    ConfigurationView configurations{/*repeated=*/false};
    int64_t last_number = 0;  // the largest one of the study that was there
  };
  static absl::StatusOr<Entry> Make(TrialReader& reader, const Study& study, const Place& place,
                                    const Trial* source);
  static bool IsOf(const Place& place, const Trial& trial);
  static void ObserveIn(const Place& place, Entry& entry, const Trial& trial);
  static void ObserveReportIn(const Place& place, Entry& entry, const Trial& trial,
                              const EpochReport& report);

  std::map<Place, Entry> entries_;
};

}  // namespace vizsla
