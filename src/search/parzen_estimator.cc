#include "src/search/parzen_estimator.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "src/search/vector_loops.h"

namespace vizsla {
namespace {

constexpr double kNegligible = -45;  // in the logarithm
// Points whose sums fit into the nearest cache beside an axis' kernels.
constexpr size_t kTogether = 8;

std::ptrdiff_t OffsetOf(size_t place) { return static_cast<std::ptrdiff_t>(place); }

double LogOfSum(std::span<const double> logarithms) {
  const double largest = LargestOf(logarithms);
  double total = 0;
  for (const double one : logarithms) {
    // Most kernels are far away. What is left out is below the rounding of the sum.
    if (one - largest > kNegligible) total += std::exp(one - largest);
  }
  return largest + std::log(total);
}

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

std::vector<double> ParzenEstimator::LogDensities(std::span<const ParzenPoint> points) const {
  std::vector<double> densities;
  densities.reserve(points.size());
  const size_t kernels = log_weights_.size();
  std::vector<double> sums(std::min(points.size(), kTogether) * kernels);
  std::vector<double> coordinates;
  for (; !points.empty(); points = points.subspan(std::min(points.size(), kTogether))) {
    const auto block = points.first(std::min(points.size(), kTogether));
    for (size_t i = 0; i < block.size(); ++i) {
      std::copy(log_weights_.begin(), log_weights_.end(), sums.begin() + OffsetOf(i * kernels));
    }
    for (size_t place = 0; place < axes_.size(); ++place) {
      coordinates.clear();
      for (const ParzenPoint& point : block) coordinates.push_back(point[place]);
      const std::span<double> added(sums.data(), block.size() * kernels);
      std::visit([&](const auto& axis) { axis.AddLogDensities(coordinates, added); }, axes_[place]);
    }
    for (size_t i = 0; i < block.size(); ++i) {
      densities.push_back(LogOfSum(std::span(sums).subspan(i * kernels, kernels)));
    }
  }
  return densities;
}

}  // namespace vizsla
