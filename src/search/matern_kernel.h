// The covariance of a Gaussian process: Matern 5/2 with a length scale of its own for each
// direction (Rasmussen, Williams: "Gaussian processes for machine learning", 2006, eq. 4.17 and
// 5.1; Snoek, Larochelle, Adams: "Practical Bayesian optimization of machine learning algorithms",
// 2012). Pure. Internal to src/search.
#pragma once

#include <Eigen/Core>

namespace vizsla {

// k(a, b) = scale * M(sum over columns c of weights[c] * (a[c] - b[c])^2).
struct MaternKernel {
  Eigen::VectorXd weights;    // 1 / length scale^2, one a column, >= 0
  double scale = 1;           // variance of the function, k(x, x)
  double noise_variance = 0;  // of an observation, besides
};

// M(q) = (1 + sqrt(5 q) + 5/3 q) exp(-sqrt(5 q)) of a weighted squared distance q >= 0.
Eigen::ArrayXd Matern52(const Eigen::Ref<const Eigen::ArrayXd>& squared_distances);
// Its derivative by q: -5/6 (1 + sqrt(5 q)) exp(-sqrt(5 q)); finite at 0 too.
Eigen::ArrayXd Matern52Slope(const Eigen::Ref<const Eigen::ArrayXd>& squared_distances);

// Weighted squared distances of `x` to each row of `points`.
Eigen::ArrayXd SquaredDistances(const MaternKernel& kernel, const Eigen::MatrixXd& points,
                                const Eigen::VectorXd& x);

// k of each row of `a` (the result's rows) with each row of `b` (its columns); without the noise.
Eigen::MatrixXd Covariance(const MaternKernel& kernel, const Eigen::MatrixXd& a,
                           const Eigen::MatrixXd& b);

}  // namespace vizsla
