// The density of points in several parameters: a weighted mixture of one kernel for each observed
// point, the product of its kernels along the axes, and a prior. See parzen_kernels.h for sources.
// Internal to src/search.
#pragma once

#include <span>
#include <variant>
#include <vector>

#include "src/search/parzen_kernels.h"

namespace vizsla {

using ParzenPoint = std::vector<double>;  // coordinates, one for each axis

// Points with weights > 0; both as long.
struct WeightedPoints {
  std::vector<const ParzenPoint*> points;
  std::vector<double> weights;
};

// Immutable.
class ParzenEstimator {
 public:
  // Models the coordinates `dimensions` of the points, along `axes` of the same indices; at least
  // one, each with more than one value. The prior has weight 1. `axes` must outlive this object.
  ParzenEstimator(std::span<const ParzenAxis> axes, std::span<const int> dimensions,
                  const WeightedPoints& observed);

  // One coordinate for each of `dimensions`.
  ParzenPoint Draw(RandomStream& stream) const;
  // Of such a point. Finite.
  double LogDensity(std::span<const double> point) const;

 private:
  std::vector<std::variant<NormalKernels, ChoiceKernels>> axes_;
  std::vector<double> cumulative_weights_;  // up to 1
  std::vector<double> log_weights_;
};

}  // namespace vizsla
