#include "src/search/expected_improvement.h"

#include <cmath>
#include <numbers>

namespace vizsla {
namespace {

const double kRootTwoPi = std::sqrt(2 * std::numbers::pi);

// From here on an asymptotic series is exact in doubles, and the direct way begins to lose digits.
constexpr double kFarBelow = -15;

// With h(z) = density(z) + z distribution(z), E[max(0, z + N(0, 1))].
struct Standard {
  double log_h;
  double slope;    // h'(z) / h(z) = distribution(z) / h(z)
  double density;  // density(z) / h(z)
};

Standard NearOrAbove(double z) {
  const double density = std::exp(-0.5 * z * z) / kRootTwoPi;
  const double distribution = 0.5 * std::erfc(-z / std::numbers::sqrt2);
  const double h = density + z * distribution;
  return {std::log(h), distribution / h, density / h};
}

// Divides both terms by the density, so that nothing underflows: h / density = 1 + z mills, where
// mills = distribution / density.
Standard Below(double z) {
  const double log_density = -0.5 * z * z - std::log(kRootTwoPi);
  const double mills = 0.5 * std::erfc(-z / std::numbers::sqrt2) * std::exp(-log_density);
  const double rest = 1 + z * mills;
  return {log_density + std::log(rest), mills / rest, 1 / rest};
}

// h / density = z^-2 (1 - 3 z^-2 + 15 z^-4 - 105 z^-6 ...), mills = -1/z (1 - z^-2 + 3 z^-4 ...).
Standard FarBelow(double z) {
  const double inverse_square = 1 / (z * z);
  double term = 1;
  double sum = 1;
  for (int k = 1; k <= 12; ++k) {
    term *= -(2 * k + 1) * inverse_square;
    sum += term;
  }
  // 1 + z mills = sum / z^2 gives mills without cancellation.
  const double mills = (1 - sum * inverse_square) / -z;
  const double log_density = -0.5 * z * z - std::log(kRootTwoPi);
  return {log_density - 2 * std::log(-z) + std::log(sum), mills / (sum * inverse_square),
          1 / (sum * inverse_square)};
}

Standard StandardImprovement(double z) {
  if (z > -1) return NearOrAbove(z);
  return z > kFarBelow ? Below(z) : FarBelow(z);
}

}  // namespace

LogImprovement LogExpectedImprovement(double mean, double deviation, double best) {
  const double z = (best - mean) / deviation;
  const Standard standard = StandardImprovement(z);
  return {std::log(deviation) + standard.log_h, -standard.slope / deviation,
          standard.density / deviation};
}

}  // namespace vizsla
