#include "src/search/grid_sampler.h"

namespace vizsla {

GridSampler::GridSampler(SearchSpace space)
    : space_(std::move(space)), used_(space_), cursor_(FirstConfiguration(space_)) {}

absl::StatusOr<std::optional<Configuration>> GridSampler::Suggest(int64_t trial_number) {
  while (cursor_ && used_.Contains(*cursor_)) cursor_ = NextConfiguration(space_, *cursor_);
  return cursor_;
}

void GridSampler::Observe(const Trial& trial) { used_.Add(trial.configuration); }

}  // namespace vizsla
