// Losses on a scale that a Gaussian process can model: mean 0, variance 1, and no outliers. Pure.
// Internal to src/search.
#pragma once

#include <Eigen/Core>
#include <vector>

namespace vizsla {

// Smaller stays better, equal stay equal. First, distances stay in proportion up to three widths
// above the median, where a width is the root mean square distance of the better half from the
// median; above that they are compressed logarithmically, so that a trial that went badly does not
// flatten what tells the good ones apart. (The half-rank warping of Song et al.: "The Vizier
// Gaussian process bandit algorithm", 2024, measures widths the same way, but replaces the whole
// worse half by ranks.) Then a power transformation takes what skewness is left
// (power_transform.h). Infinite losses (diverged, failed, infeasible trials) count as the worst
// finite one; all are 0 when there is none. NaN is not allowed.
Eigen::VectorXd WarpLosses(const std::vector<double>& losses);

}  // namespace vizsla
