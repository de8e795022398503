// Against SciPy 1.17: scipy.special.log_ndtr, scipy.stats.truncnorm.
#include "src/search/truncated_normal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace vizsla {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void ExpectClose(double actual, double expected) {
  EXPECT_NEAR(actual, expected, 1e-11 + 1e-10 * std::abs(expected));
}

TEST(TruncatedNormal, LogCdfIsExactInBothTails) {
  ExpectClose(LogNormalCdf(-60), -1805.0135606805675);
  ExpectClose(LogNormalCdf(-38), -726.5572160188201);
  ExpectClose(LogNormalCdf(-37.5), -707.6689893175072);
  ExpectClose(LogNormalCdf(-36.9), -685.3328831653507);
  ExpectClose(LogNormalCdf(-10), -53.23128515051248);
  ExpectClose(LogNormalCdf(-1), -1.8410216450092634);
  ExpectClose(LogNormalCdf(0), -0.6931471805599453);
  ExpectClose(LogNormalCdf(1), -0.1727537790234499);
  EXPECT_NEAR(LogNormalCdf(8) / -6.220960574271742e-16, 1, 1e-10);
}

TEST(TruncatedNormal, LogMassDoesNotCancel) {
  ExpectClose(LogNormalMass(-1, 1), -0.38171514630212616);
  ExpectClose(LogNormalMass(-0.5, 2), -0.4024013123385751);
  ExpectClose(LogNormalMass(0, 0.1), -3.2231891821071836);
  ExpectClose(LogNormalMass(-1e-3, 1e-3), -7.133546798293504);
  ExpectClose(LogNormalMass(3, 4), -6.631467786538225);
  ExpectClose(LogNormalMass(-4, -3), -6.631467786538225);
  ExpectClose(LogNormalMass(10, 11), -53.23131022558313);
  ExpectClose(LogNormalMass(40, 41), -804.6084420137539);
  ExpectClose(LogNormalMass(-50, -49), -1205.3111748916656);
  ExpectClose(LogNormalMass(20, kInfinity), -203.9171553710973);
  ExpectClose(LogNormalMass(-kInfinity, kInfinity), 0);
}

TEST(TruncatedNormal, Quantile) {
  ExpectClose(TruncatedNormalQuantile(0.5, -1, 1), 0);
  ExpectClose(TruncatedNormalQuantile(0.1, -1, 2), -0.704647821094745);
  ExpectClose(TruncatedNormalQuantile(0.25, 0, 5), 0.31863917497758737);
  ExpectClose(TruncatedNormalQuantile(0.9, 3, 4), 3.592924111315612);
  ExpectClose(TruncatedNormalQuantile(0.9, -4, -3), -3.0311612964498504);
  ExpectClose(TruncatedNormalQuantile(0.3, 10, 12), 10.03526003958893);
  ExpectClose(TruncatedNormalQuantile(0.7, -50, 1), 0.22482250789866204);
  ExpectClose(TruncatedNormalQuantile(0, -2, 2), -2);
  ExpectClose(TruncatedNormalQuantile(1, -2, 2), 2);
}

TEST(TruncatedNormal, QuantileInvertsTheMass) {
  for (const double low : {-20.0, -3.0, -0.5, 0.0, 2.0, 8.0}) {
    const double high = low + 2.5;
    for (double fraction = 0.05; fraction < 1; fraction += 0.05) {
      const double x = TruncatedNormalQuantile(fraction, low, high);
      EXPECT_NEAR(std::exp(LogNormalMass(low, x) - LogNormalMass(low, high)), fraction, 1e-9)
          << low << " " << fraction;
    }
  }
}

}  // namespace
}  // namespace vizsla
