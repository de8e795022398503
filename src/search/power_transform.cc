#include "src/search/power_transform.h"

#include <cmath>
#include <limits>

namespace vizsla {
namespace {

// (x^power - 1) / power as a function of log x.
double BoxCox(double log_x, double power) {
  return power == 0 ? log_x : std::expm1(power * log_x) / power;
}

constexpr int kLeastTenths = 5;
constexpr int kMostTenths = 20;

}  // namespace

double YeoJohnson(double y, double power) {
  return y >= 0 ? BoxCox(std::log1p(y), power) : -BoxCox(std::log1p(-y), 2 - power);
}

double LikeliestPower(const Eigen::VectorXd& values) {
  const auto count = static_cast<double>(values.size());
  double log_derivative = 0;  // the sum of the transformation's, divided by power - 1
  for (const double y : values) log_derivative += std::copysign(std::log1p(std::abs(y)), y);
  double best = 1;
  double most = -std::numeric_limits<double>::infinity();
  for (int tenths = kLeastTenths; tenths <= kMostTenths; ++tenths) {
    const double power = tenths / 10.0;
    const Eigen::ArrayXd moved =
        values.unaryExpr([&](double y) { return YeoJohnson(y, power); }).array();
    const double variance = (moved - moved.mean()).square().mean();
    const double likelihood = -0.5 * count * std::log(variance) + (power - 1) * log_derivative;
    if (likelihood > most) {
      most = likelihood;
      best = power;
    }
  }
  return best;
}

}  // namespace vizsla
