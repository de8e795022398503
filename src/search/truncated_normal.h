// The normal distribution cut off at both ends: what the kernels of the Tree-structured Parzen
// Estimator are made of. All functions take standard deviations from the mean as unit and stay
// accurate far out in the tails, where differences of the distribution function cancel. Pure.
#pragma once

namespace vizsla {

// log P(X <= x) of a standard normal X.
double LogNormalCdf(double x);

// log P(low < X <= high), low < high; either may be infinite.
double LogNormalMass(double low, double high);

// The x in [low, high] below which lies this fraction, 0 <= fraction <= 1, of the mass between
// them. At least one end is within 37 deviations of the mean.
double TruncatedNormalQuantile(double fraction, double low, double high);

}  // namespace vizsla
