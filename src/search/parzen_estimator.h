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

// Points with weights > 0, of the trials `numbers`, which ascend; all as long.
struct WeightedPoints {
  std::vector<int64_t> numbers;
  std::vector<const ParzenPoint*> points;
  std::vector<double> weights;
};

// What an estimator leaves to the next one over the same dimensions: a column for each.
using ParzenMemory = std::vector<NormalColumn>;

// Immutable.
class ParzenEstimator {
 public:
  // Models the coordinates `dimensions` of the points, along `axes` of the same indices; at least
  // one, each with more than one value. The prior has weight 1. `memory` is empty, or was an
  // estimator's of the same dimensions: it saves time. It and `axes` must outlive this object, and
  // another estimator with the memory is the end of this one.
  ParzenEstimator(std::span<const ParzenAxis> axes, std::span<const int> dimensions,
                  const WeightedPoints& observed, ParzenMemory& memory);

  // One coordinate for each of `dimensions`.
  ParzenPoint Draw(RandomStream& stream) const;
  // Of such points. Finite. Faster for many at once than for one after another.
  std::vector<double> LogDensities(std::span<const ParzenPoint> points) const;
  double LogDensity(const ParzenPoint& point) const { return LogDensities({&point, 1}).front(); }

 private:
  std::vector<std::variant<NormalKernels, ChoiceKernels>> axes_;
  std::vector<double> cumulative_weights_;  // up to 1
  std::vector<double> log_weights_;
};

}  // namespace vizsla
