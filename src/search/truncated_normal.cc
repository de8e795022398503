#include "src/search/truncated_normal.h"

#include <algorithm>
#include <boost/math/special_functions/erf.hpp>
#include <cmath>
#include <limits>
#include <numbers>

namespace vizsla {
namespace {

// P(X <= x). Relative precision holds for x < 0.
double NormalCdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

// Its inverse, 0 <= p <= 1.
double NormalQuantile(double p) {
  if (p <= 0) return -std::numeric_limits<double>::infinity();
  if (p >= 1) return std::numeric_limits<double>::infinity();
  // Full precision of a double without a detour over long double.
  using boost::math::policies::policy;
  using boost::math::policies::promote_double;
  return -std::numbers::sqrt2 * boost::math::erfc_inv(2 * p, policy<promote_double<false>>());
}

}  // namespace

double LogNormalCdf(double x) {
  // Beyond -37 the probability is smaller than a normalized double: the asymptotic series
  // (Abramowitz and Stegun 26.2.12), whose next term is below 1e-9 of the sum there.
  if (x < -37) {
    const double s = 1 / (x * x);
    const double series = -s * (1 - s * (3 - s * (15 - s * 105)));
    return -0.5 * x * x - std::log(-x) - 0.5 * std::log(2 * std::numbers::pi) + std::log1p(series);
  }
  return x > 0 ? std::log1p(-NormalCdf(-x)) : std::log(NormalCdf(x));
}

double LogNormalMass(double low, double high) {
  if (low < -9 && high > 9) return 0;  // less than 1e-18 is cut off
  if (low <= 0 && high >= 0) return std::log1p(-(NormalCdf(low) + NormalCdf(-high)));
  // Both ends on one side: mirrored to the left one, where the small numbers are exact.
  const double outer = low > 0 ? -high : low;
  const double inner = low > 0 ? -low : high;
  const double mass = NormalCdf(inner) - NormalCdf(outer);
  if (mass > 1e-300) return std::log(mass);
  const double log_inner = LogNormalCdf(inner);
  return log_inner + std::log(-std::expm1(LogNormalCdf(outer) - log_inner));
}

double TruncatedNormalQuantile(double fraction, double low, double high) {
  if (low > 0) return -TruncatedNormalQuantile(1 - fraction, -high, -low);
  const double below = NormalCdf(low);
  const double x = NormalQuantile(below + fraction * (NormalCdf(high) - below));
  return std::clamp(x, low, high);
}

}  // namespace vizsla
