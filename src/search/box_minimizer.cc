#include "src/search/box_minimizer.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <utility>

namespace vizsla {
namespace {

using Eigen::VectorXd;

constexpr size_t kRememberedSteps = 10;
constexpr int kMostShortenings = 25;
constexpr double kSufficientDecrease = 1e-4;  // of what the slope promises (Armijo)
constexpr double kLeastCurvature = 1e-10;

struct Step {
  VectorXd moved;             // x after - x before
  VectorXd gradient_changed;  // gradient after - before
};

// A coordinate at an end of its range, pushed outwards, cannot move: 0; the others: 1.
VectorXd FreeCoordinates(const VectorXd& x, const VectorXd& gradient, const VectorXd& low,
                         const VectorXd& high) {
  VectorXd free = VectorXd::Ones(x.size());
  for (Eigen::Index i = 0; i < x.size(); ++i) {
    if ((x[i] <= low[i] && gradient[i] > 0) || (x[i] >= high[i] && gradient[i] < 0)) free[i] = 0;
  }
  return free;
}

// The two-loop recursion within the free coordinates.
VectorXd QuasiNewtonDirection(const std::deque<Step>& steps, const VectorXd& free,
                              const VectorXd& gradient) {
  struct Pair {
    VectorXd s, y;
    double rho, alpha;
  };
  std::deque<Pair> pairs;
  for (const Step& step : steps) {
    Pair pair{step.moved.cwiseProduct(free), step.gradient_changed.cwiseProduct(free), 0, 0};
    const double curvature = pair.s.dot(pair.y);
    if (curvature <= kLeastCurvature * pair.s.norm() * pair.y.norm()) continue;
    pair.rho = 1 / curvature;
    pairs.push_back(std::move(pair));
  }
  VectorXd direction = -gradient;
  for (auto pair = pairs.rbegin(); pair != pairs.rend(); ++pair) {
    pair->alpha = pair->rho * pair->s.dot(direction);
    direction -= pair->alpha * pair->y;
  }
  if (!pairs.empty()) direction /= pairs.back().rho * pairs.back().y.squaredNorm();
  for (const Pair& pair : pairs) {
    direction += pair.s * (pair.alpha - pair.rho * pair.y.dot(direction));
  }
  return direction;
}

// Where the parabola through the start, its slope and the failed point has its minimum, kept
// between a tenth and a half.
double Shortened(double step, double promised, double change) {
  if (!std::isfinite(change)) return step * 0.1;
  const double minimum = -promised / (2 * (change - promised));
  return step * std::clamp(minimum, 0.1, 0.5);
}

}  // namespace

BoxMinimum MinimizeInBox(const SmoothFunction& function, const VectorXd& start, const VectorXd& low,
                         const VectorXd& high, const BoxMinimizerOptions& options) {
  BoxMinimum best{start.cwiseMax(low).cwiseMin(high), 0, 1};
  VectorXd gradient(start.size());
  best.value = function(best.x, gradient);
  std::deque<Step> steps;
  VectorXd next_gradient(start.size());
  for (int iteration = 0; iteration < options.most_iterations; ++iteration) {
    const VectorXd free = FreeCoordinates(best.x, gradient, low, high);
    const VectorXd slope = gradient.cwiseProduct(free);
    const double steepness = slope.size() == 0 ? 0 : slope.lpNorm<Eigen::Infinity>();
    if (!(steepness > options.gradient_tolerance)) break;

    VectorXd direction = QuasiNewtonDirection(steps, free, slope);
    const bool downhill = direction.dot(slope) < 0;
    if (!downhill) {
      steps.clear();
      direction = -slope;
    }
    // Nothing is known of the curvature yet: a step of at most length 1.
    double length = steps.empty() ? std::min(1.0, 1 / slope.norm()) : 1.0;
    bool accepted = false;
    double decrease = 0;
    for (int attempt = 0; attempt < kMostShortenings && !accepted; ++attempt) {
      const VectorXd next = (best.x + length * direction).cwiseMax(low).cwiseMin(high);
      const VectorXd moved = next - best.x;
      const double promised = slope.dot(moved);
      if (promised >= 0) break;  // projected away, or below what doubles can tell apart
      const double value = function(next, next_gradient);
      ++best.evaluations;
      if (value <= best.value + kSufficientDecrease * promised && next_gradient.allFinite()) {
        steps.push_back({moved, next_gradient - gradient});
        if (steps.size() > kRememberedSteps) steps.pop_front();
        decrease = best.value - value;
        best.x = next;
        best.value = value;
        gradient = next_gradient;
        accepted = true;
      } else {
        length = Shortened(length, promised, value - best.value);
      }
    }
    if (!accepted) {
      if (steps.empty()) break;
      steps.clear();  // the remembered curvature misleads: once more, straight downhill
    } else if (decrease <= options.value_tolerance * (1 + std::abs(best.value))) {
      break;
    }
  }
  return best;
}

}  // namespace vizsla
