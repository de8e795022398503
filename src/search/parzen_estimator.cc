#include "src/search/parzen_estimator.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "src/search/vector_loops.h"

namespace vizsla {
namespace {

constexpr double kNegligible = -45;  // in the logarithm

}  // namespace

ParzenEstimator::ParzenEstimator(std::span<const ParzenAxis> axes, std::span<const int> dimensions,
                                 const WeightedPoints& observed, ParzenMemory& memory) {
  memory.resize(dimensions.size());
  std::vector<double> column(observed.points.size());
  for (size_t place = 0; place < dimensions.size(); ++place) {
    const auto dimension = static_cast<size_t>(dimensions[place]);
    for (size_t i = 0; i < column.size(); ++i) column[i] = (*observed.points[i])[dimension];
    const ParzenAxis& axis = axes[dimension];
    if (axis.kind() == ParzenAxis::Kind::kChoices) {
      axes_.emplace_back(ChoiceKernels(axis, column));
    } else {
      memory[place].Update(axis, observed.numbers, column);
      axes_.emplace_back(NormalKernels(axis, memory[place]));
    }
  }
  std::vector<double> weights = observed.weights;
  weights.push_back(1.0);
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double sum = 0;
  for (const double weight : weights) {
    log_weights_.push_back(std::log(weight / total));
    cumulative_weights_.push_back(sum += weight / total);
  }
}

ParzenPoint ParzenEstimator::Draw(RandomStream& stream) const {
  const auto found = std::upper_bound(cumulative_weights_.begin(), cumulative_weights_.end() - 1,
                                      stream.Uniform());
  const auto kernel = static_cast<size_t>(found - cumulative_weights_.begin());
  ParzenPoint point;
  for (const auto& axis : axes_) {
    point.push_back(std::visit([&](const auto& one) { return one.Draw(kernel, stream); }, axis));
  }
  return point;
}

double ParzenEstimator::LogDensity(std::span<const double> point, std::vector<double>& sums) const {
  sums = log_weights_;
  for (size_t i = 0; i < axes_.size(); ++i) {
    std::visit([&](const auto& axis) { axis.AddLogDensities(point[i], sums); }, axes_[i]);
  }
  const double largest = LargestOf(sums);
  double total = 0;
  for (const double sum : sums) {
    // Most kernels are far away. What is left out is below the rounding of the sum.
    if (sum - largest > kNegligible) total += std::exp(sum - largest);
  }
  return largest + std::log(total);
}

}  // namespace vizsla
