// Covariance matrix adaptation evolution strategy: for numbers whose effect is smooth, with some
// hundreds of trials to spend. cma_es.h, cma_es_margin.h and cma_es_generations.h name the papers.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "src/base/random.h"
#include "src/search/observations.h"
#include "src/search/sampler.h"
#include "src/search/used_configurations.h"
#include "src/study/sampler_options.h"

namespace vizsla {

class CmaEs;
class CmaEsGenerations;

// Works on the parameters that are numbers without a condition, in the coordinates of unit_cube.h.
// The others (words, booleans, lists, conditional ones) are drawn independently and uniformly, as
// Optuna does: a space that consists of them mostly wants another sampler.
//
// Asynchronous: no trial waits for another. A trial is drawn from the newest distribution that
// there is, and its result may update a later one. Enqueued trials count as members of their
// generation. Trials that failed rank last in theirs. What
// was learnt from earlier studies is no member of a generation: it says where the first one is
// drawn (cma_es_warm_start.h).
//
// A point outside the unit cube is drawn again; after 100 in vain it is moved to the nearest one
// inside. Draws that a finite space has used already are repeated with longer and longer steps.
class CmaEsSampler : public Sampler {
 public:
  // `space` must be valid; a population of 0 or at least 2, 0 < sigma <= 1.
  CmaEsSampler(SearchSpace space, CmaEsOptions options, Direction direction, uint64_t study_seed);
  ~CmaEsSampler() override;
  CmaEsSampler(const CmaEsSampler&) = delete;
  CmaEsSampler& operator=(const CmaEsSampler&) = delete;

  absl::StatusOr<std::optional<Configuration>> Suggest(int64_t trial_number) override;
  void Observe(const Trial& trial) override;
  void Learn(const Trial& trial) override;

 private:
  Configuration Draw(const CmaEs* distribution, int64_t trial_number, uint64_t attempt) const;

  const SearchSpace space_;
  const StreamKey key_;
  Observations observations_;
  Observations learned_;      // of earlier studies
  bool has_learned_ = false;  // what generations_ does not start from yet
  UsedConfigurations used_;
  std::unique_ptr<CmaEsGenerations> generations_;  // null when the space has no such number
};

}  // namespace vizsla
