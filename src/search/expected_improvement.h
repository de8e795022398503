// How much better than the best known value a draw from N(mean, deviation^2) is expected to be
// (Jones, Schonlau, Welch: "Efficient global optimization of expensive black-box functions", 1998),
// as a logarithm that neither underflows nor loses its gradient where hardly any improvement is
// expected (Ament et al.: "Unexpected improvements to expected improvement for Bayesian
// optimization", 2023). Pure. Internal to src/search.
#pragma once

namespace vizsla {

struct LogImprovement {
  double value = 0;    // log E[max(0, best - draw)]
  double by_mean = 0;  // its derivatives
  double by_deviation = 0;
};

// Smaller is better. deviation > 0. Good to about 1e-12 of itself, for any number of deviations.
LogImprovement LogExpectedImprovement(double mean, double deviation, double best);

}  // namespace vizsla
