// Points that cover the space more evenly than random ones: trial n takes point n - 1 of a Sobol or
// Halton sequence (sobol.h and halton.h name the papers). For a first look at a space, and for many
// workers, since no trial waits for another's result. Best with 2^k trials of a Sobol sequence.
#pragma once

#include <variant>
#include <vector>

#include "src/search/halton.h"
#include "src/search/sampler.h"
#include "src/search/sobol.h"
#include "src/search/used_configurations.h"
#include "src/study/sampler_options.h"

namespace vizsla {

enum class Sequence { kSobol, kHalton };

// Each parameter with more than one value has a dimension of its own, in the space's order; an
// inactive parameter leaves its coordinate unused. Parameters beyond the sequence's kMostDimensions
// get independent uniform draws.
//
// In a finite space whose point n - 1 is taken already, the trial takes the first point of the
// sequence that is free: the sequence without its repetitions. When that does not come soon (a
// nearly full space), the free configuration next to its point.
class QuasiRandomSampler : public Sampler {
 public:
  // `space` must be valid. The seed does not matter to an unscrambled sequence within its
  // dimensions.
  QuasiRandomSampler(SearchSpace space, Sequence sequence, QuasiRandomOptions options,
                     uint64_t study_seed);
  QuasiRandomSampler(const QuasiRandomSampler&) = delete;
  QuasiRandomSampler& operator=(const QuasiRandomSampler&) = delete;

  // Needs no history but the used configurations of a finite space.
  absl::StatusOr<std::optional<Configuration>> Suggest(int64_t trial_number) override;
  void Observe(const Trial& trial) override;

 private:
  Configuration At(uint64_t index) const;

  const SearchSpace space_;
  const StreamKey key_;
  const std::variant<SobolSequence, HaltonSequence> sequence_;
  UsedConfigurations used_;
  uint64_t first_free_ = 0;  // the points before this one are used; only saves time
};

}  // namespace vizsla
