// Every configuration of a finite space once, the last parameter moving fastest.
#pragma once

#include "src/search/sampler.h"
#include "src/search/used_configurations.h"

namespace vizsla {

class GridSampler : public Sampler {
 public:
  // `space` must be valid and finite.
  explicit GridSampler(SearchSpace space);
  GridSampler(const GridSampler&) = delete;
  GridSampler& operator=(const GridSampler&) = delete;

  absl::StatusOr<std::optional<Configuration>> Suggest(int64_t trial_number) override;
  void Observe(const Trial& trial) override;

 private:
  const SearchSpace space_;
  UsedConfigurations used_;
  // All configurations before it are used; nullopt when all are. Derived from used_, kept to save
  // time.
  std::optional<Configuration> cursor_;
};

}  // namespace vizsla
