// The covariance of a Gaussian process over a space of several parameters, the sum of two parts:
// - Joint: Matern 5/2 with a length scale of its own for each direction (Rasmussen, Williams:
//   "Gaussian processes for machine learning", 2006, eq. 4.17 and 5.1; Snoek, Larochelle, Adams:
//   "Practical Bayesian optimization of machine learning algorithms", 2012), which knows something
//   of a point only where all parameters are near an observation's.
// - Additive: functions of one parameter each, summed (Duvenaud, Nickisch, Rasmussen: "Additive
//   Gaussian processes", 2011, of first order), with the same length scales. What is learned of one
//   parameter holds wherever the others are, so that a hundred trials tell much of ten parameters.
//   Each is a rational quadratic of alpha 2 (Rasmussen, Williams, eq. 4.19), which needs no
//   exponential.
// Pure. Internal to src/search.
#pragma once

#include <Eigen/Core>
#include <vector>

namespace vizsla {

// k(a, b) = scale * M(sum over all columns c of weights[c] * (a[c] - b[c])^2)
//         + additive_scale * mean over groups g of R(the same sum over the columns of g alone).
struct MaternKernel {
  Eigen::VectorXd weights;    // 1 / length scale^2, one a column, >= 0
  double scale = 1;           // variance of the joint part
  double noise_variance = 0;  // of an observation, besides
  double additive_scale = 0;  // variance of the additive part
  // How many columns each group has; they are adjacent. Not looked at without an additive part.
  std::vector<int> group_widths;

  double variance() const { return scale + additive_scale; }  // k(x, x)
  // Of one group's function; 0 without an additive part.
  double group_scale() const {
    return additive_scale == 0 ? 0 : additive_scale / static_cast<double>(group_widths.size());
  }
};

// M(q) = (1 + sqrt(5 q) + 5/3 q) exp(-sqrt(5 q)) of a weighted squared distance q >= 0.
Eigen::ArrayXd Matern52(const Eigen::Ref<const Eigen::ArrayXd>& squared_distances);
// Its derivative by q: -5/6 (1 + sqrt(5 q)) exp(-sqrt(5 q)); finite at 0 too.
Eigen::ArrayXd Matern52Slope(const Eigen::Ref<const Eigen::ArrayXd>& squared_distances);

// 1 / (1 + q / 4) of a weighted squared distance q >= 0. R(q) is its square, and R's derivative by
// q half of its cube, negative.
Eigen::ArrayXd RationalQuadraticRoot(const Eigen::Ref<const Eigen::ArrayXd>& squared_distances);

// Weighted squared distances of `x` to each row of `points`, over `width` columns from `first` on.
Eigen::ArrayXd SquaredDistances(const MaternKernel& kernel, const Eigen::MatrixXd& points,
                                const Eigen::VectorXd& x, Eigen::Index first, Eigen::Index width);

// k of `x` with each row of `points`; without the noise.
Eigen::VectorXd CovarianceWith(const MaternKernel& kernel, const Eigen::MatrixXd& points,
                               const Eigen::VectorXd& x);
// k of each row of `a` (the result's rows) with each row of `b` (its columns); without the noise.
Eigen::MatrixXd Covariance(const MaternKernel& kernel, const Eigen::MatrixXd& a,
                           const Eigen::MatrixXd& b);

}  // namespace vizsla
