#include "src/search/acquisition_search.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "src/search/box_minimizer.h"
#include "src/search/expected_improvement.h"
#include "src/search/unit_cube.h"

namespace vizsla {
namespace {

using Eigen::VectorXd;

constexpr int kMostRounds = 10;
// A step must raise the logarithm of the improvement by this much.
constexpr double kLeastGain = 1e-6;
constexpr BoxMinimizerOptions kAscentOptions = {50, 1e-3, 1e-6};
// Keeps the logarithm finite at a point that is known exactly.
constexpr double kLeastVariance = 1e-12;

// An ordered domain of more values is stepped through in halving strides instead of exhaustively.
constexpr int64_t kMostTriedValues = 16;

// Unit coordinates of other values worth a try.
std::vector<double> Alternatives(const Domain& domain, double current) {
  const int64_t count = *CountValues(domain);
  const int64_t index = IndexOf(domain, FromUnit(domain, current));
  std::vector<double> result;
  if (!IsOrdered(domain) || count <= kMostTriedValues) {
    for (int64_t other = 0; other < count; ++other) {
      if (other != index) result.push_back(ToUnit(domain, ValueAt(domain, other)));
    }
    return result;
  }
  if (index > 0) result.push_back(ToUnit(domain, ValueAt(domain, index - 1)));
  if (index + 1 < count) result.push_back(ToUnit(domain, ValueAt(domain, index + 1)));
  const double least_stride = 1 / static_cast<double>(count);
  for (double stride = 0.5; stride > least_stride; stride /= 2) {
    if (current - stride >= 0) result.push_back(current - stride);
    if (current + stride <= 1) result.push_back(current + stride);
  }
  return result;
}

}  // namespace

double AcquisitionSearch::ScoreOf(const UnitPoint& point) const {
  const auto prediction = process_.Predict(space_.EmbedPoint(point));
  const double deviation = std::sqrt(prediction.variance + kLeastVariance);
  return LogExpectedImprovement(prediction.mean, deviation, best_).value;
}

std::vector<AcquisitionSearch::Place> AcquisitionSearch::Score(
    std::vector<UnitPoint> points) const {
  std::vector<Place> places(points.size());
  Eigen::MatrixXd features(static_cast<Eigen::Index>(points.size()), space_.columns());
  for (size_t i = 0; i < points.size(); ++i) {
    features.row(static_cast<Eigen::Index>(i)) = space_.EmbedPoint(points[i]).transpose();
    places[i].point = std::move(points[i]);
  }
  const auto predictions = process_.PredictAll(features);
  for (size_t i = 0; i < places.size(); ++i) {
    const auto row = static_cast<Eigen::Index>(i);
    const double deviation = std::sqrt(predictions.variances[row] + kLeastVariance);
    places[i].score = LogExpectedImprovement(predictions.means[row], deviation, best_).value;
  }
  return places;
}

bool AcquisitionSearch::ClimbContinuous(Place& place) const {
  std::vector<size_t> parameters;
  const std::vector<bool> active = space_.ActiveAt(place.point);
  for (size_t i = 0; i < place.point.size(); ++i) {
    if (active[i] && space_.ContinuousColumn(i)) parameters.push_back(i);
  }
  if (parameters.empty()) return false;
  // In units of the length scales, where the process is as smooth in one direction as in another.
  const auto size = static_cast<Eigen::Index>(parameters.size());
  std::vector<Eigen::Index> columns;
  VectorXd stretch(size);
  VectorXd start(size);
  for (Eigen::Index i = 0; i < size; ++i) {
    const size_t parameter = parameters[static_cast<size_t>(i)];
    columns.push_back(*space_.ContinuousColumn(parameter));
    stretch[i] = std::sqrt(process_.kernel().weights[columns.back()]);
    start[i] = place.point[parameter] * stretch[i];
  }
  VectorXd features = space_.EmbedPoint(place.point);
  GaussianProcess::Gradients gradients;
  const auto negative_score = [&](const VectorXd& x, VectorXd& gradient) {
    for (Eigen::Index i = 0; i < size; ++i) {
      features[columns[static_cast<size_t>(i)]] = x[i] / stretch[i];
    }
    const auto prediction = process_.Predict(features, gradients);
    const double deviation = std::sqrt(prediction.variance + kLeastVariance);
    const LogImprovement improvement = LogExpectedImprovement(prediction.mean, deviation, best_);
    for (Eigen::Index i = 0; i < size; ++i) {
      const Eigen::Index column = columns[static_cast<size_t>(i)];
      const double by_coordinate =
          improvement.by_mean * gradients.mean[column] +
          improvement.by_deviation * gradients.variance[column] / (2 * deviation);
      gradient[i] = -by_coordinate / stretch[i];
    }
    return -improvement.value;
  };
  const BoxMinimum top =
      MinimizeInBox(negative_score, start, VectorXd::Zero(size), stretch, kAscentOptions);
  if (!(-top.value > place.score + kLeastGain)) return false;
  for (Eigen::Index i = 0; i < size; ++i) {
    place.point[parameters[static_cast<size_t>(i)]] = std::clamp(top.x[i] / stretch[i], 0.0, 1.0);
  }
  place.score = -top.value;
  return true;
}

bool AcquisitionSearch::StepDiscrete(Place& place, size_t parameter) const {
  const Domain& domain = space_.space().parameters[parameter].domain;
  Place best = place;
  Place trial = place;
  for (const double unit : Alternatives(domain, place.point[parameter])) {
    trial.point[parameter] = unit;
    trial.score = ScoreOf(trial.point);
    if (trial.score > best.score + kLeastGain) best = trial;
  }
  const bool moved = best.score > place.score;
  place = std::move(best);
  return moved;
}

AcquisitionSearch::Place AcquisitionSearch::Climb(Place place) const {
  for (int round = 0; round < kMostRounds; ++round) {
    ClimbContinuous(place);
    bool stepped = false;
    for (size_t i = 0; i < place.point.size(); ++i) {
      if (!CountValues(space_.space().parameters[i].domain)) continue;
      if (!space_.ActiveAt(place.point)[i]) continue;  // an earlier step may have changed it
      stepped |= StepDiscrete(place, i);
    }
    if (!stepped) break;  // the ascent before it is still at its top
  }
  return place;
}

std::vector<AcquisitionSearch::Place> ChooseStarts(
    const std::vector<AcquisitionSearch::Place>& places, size_t most, RandomStream& stream) {
  // Adding Gumbel noise to logarithms and taking the largest draws in proportion without
  // replacement.
  std::vector<double> keys;
  for (const auto& place : places) {
    keys.push_back(place.score - std::log(-std::log1p(-stream.Uniform())));
  }
  const auto best = std::max_element(
      places.begin(), places.end(), [](const auto& a, const auto& b) { return a.score < b.score; });
  if (best != places.end()) {
    keys[static_cast<size_t>(best - places.begin())] = std::numeric_limits<double>::infinity();
  }
  std::vector<size_t> order(places.size());
  std::iota(order.begin(), order.end(), size_t{0});
  most = std::min(most, order.size());
  std::partial_sort(
      order.begin(), order.begin() + static_cast<std::ptrdiff_t>(most), order.end(),
      [&](size_t a, size_t b) { return keys[a] != keys[b] ? keys[a] > keys[b] : a < b; });
  std::vector<AcquisitionSearch::Place> starts;
  for (size_t i = 0; i < most; ++i) starts.push_back(places[order[i]]);
  return starts;
}

}  // namespace vizsla
