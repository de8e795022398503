// Samplers choose configurations. They are deterministic state machines over observed trials: no
// I/O, no clock, no threads. A sampler that was rebuilt by observing the stored trials suggests
// what the live one would have suggested.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "src/base/status.h"
#include "src/study/configuration.h"
#include "src/study/study.h"
#include "src/study/trial.h"

namespace vizsla {

// Not thread-safe.
class Sampler {
 public:
  virtual ~Sampler() = default;

  // The configuration for the trial with this number: valid for the space, and none that was
  // observed when the space is finite. Nullopt when the space is exhausted. Changes nothing that
  // can be seen: asked twice without an observation between, it answers the same.
  virtual absl::StatusOr<std::optional<Configuration>> Suggest(int64_t trial_number) = 0;

  // Observe each trial when it is created (enqueued ones too), before the next Suggest, and again
  // when it changes: repeated observations are harmless, their order does not matter.
  virtual void Observe(const Trial& trial) = 0;

  // An ended trial of an earlier study with a configuration of this space: something to learn from,
  // which uses no configuration up. Before the first Suggest; each with its own number, at most 0,
  // the larger the newer. Samplers that learn from nothing ignore it.
  virtual void Learn(const Trial& trial) {}
  // Whether it wants to know what trials were worth on their way: then each report is observed too,
  // `value` being the study's objective. Repetitions are harmless, and the order does not matter,
  // not even that of reports and trials.
  virtual bool UsesReports() const { return false; }
  virtual void ObserveReport(int64_t /*trial_number*/, int /*epoch*/, AttemptNumber /*attempt*/,
                             double /*value*/) {}
};

// `directions` as of DirectionsOf. `rungs`: the epochs, ascending, at which the study's pruner cuts
// trials short, for the samplers that then learn from each of them apart (TPE). InvalidArgument: an
// unsound space, unsound options, the grid sampler with a continuous parameter, or several
// directions for a sampler that knows only one (objectives_check.h).
absl::StatusOr<std::unique_ptr<Sampler>> MakeSampler(const SamplerSpec& spec,
                                                     const SearchSpace& space,
                                                     const std::vector<Direction>& directions,
                                                     uint64_t study_seed,
                                                     std::vector<int> rungs = {});
absl::StatusOr<std::unique_ptr<Sampler>> MakeSampler(const SamplerSpec& spec,
                                                     const SearchSpace& space, Direction direction,
                                                     uint64_t study_seed,
                                                     std::vector<int> rungs = {});
// The one of the study's first stage.
absl::StatusOr<std::unique_ptr<Sampler>> MakeSampler(const StudySpec& spec);

}  // namespace vizsla
