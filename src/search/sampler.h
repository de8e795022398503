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
};

// `directions` as of DirectionsOf. InvalidArgument: an unsound space, unsound options, the grid
// sampler with a continuous parameter, or several directions for a sampler that knows only one
// (objectives_check.h).
absl::StatusOr<std::unique_ptr<Sampler>> MakeSampler(const SamplerSpec& spec,
                                                     const SearchSpace& space,
                                                     const std::vector<Direction>& directions,
                                                     uint64_t study_seed);
absl::StatusOr<std::unique_ptr<Sampler>> MakeSampler(const SamplerSpec& spec,
                                                     const SearchSpace& space, Direction direction,
                                                     uint64_t study_seed);
// The one of the study's first stage.
absl::StatusOr<std::unique_ptr<Sampler>> MakeSampler(const StudySpec& spec);

}  // namespace vizsla
