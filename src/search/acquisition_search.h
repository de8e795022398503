// Where the expected improvement is largest, over mixed and conditional spaces: many candidates at
// once, then from the most promising a climb that alternates between gradient ascent on the active
// continuous parameters and steps of one discrete parameter at a time (as in Optuna's GPSampler,
// optuna/_gp/optim_mixed.py). Internal to src/search.
#pragma once

#include <vector>

#include "src/base/random.h"
#include "src/search/gaussian_process.h"
#include "src/search/gp_space.h"

namespace vizsla {

class AcquisitionSearch {
 public:
  // Smaller is better; `best` is the value to improve on. All must outlive this object.
  AcquisitionSearch(const GpSpace& space, const GaussianProcess& process, double best)
      : space_(space), process_(process), best_(best) {}

  struct Place {
    UnitPoint point;
    double score = 0;  // log expected improvement
  };

  std::vector<Place> Score(std::vector<UnitPoint> points) const;

  // Climbs to a place where no gradient and no single step leads further up.
  Place Climb(Place place) const;

 private:
  double ScoreOf(const UnitPoint& point) const;
  bool ClimbContinuous(Place& place) const;
  bool StepDiscrete(Place& place, size_t parameter) const;

  const GpSpace& space_;
  const GaussianProcess& process_;
  const double best_;
};

// Up to `most` places to climb from: the best one, and others drawn without replacement with
// probabilities proportional to their expected improvement.
std::vector<AcquisitionSearch::Place> ChooseStarts(
    const std::vector<AcquisitionSearch::Place>& places, size_t most, RandomStream& stream);

}  // namespace vizsla
