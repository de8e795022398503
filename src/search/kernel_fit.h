// The kernel that explains observations best: maximum a posteriori length scales, function variance
// and noise, by L-BFGS on the analytic gradient of the marginal likelihood (Rasmussen, Williams
// 2006, eq. 5.8 and 5.9). The priors are those of Optuna's GPSampler (optuna/_gp/prior.py, v4 and
// v5), meant for points of the unit cube and values of mean 0 and variance 1; the additive part's
// variance has the function variance's prior. Pure and
// deterministic: one fixed start. Internal to src/search.
#pragma once

#include <Eigen/Core>
#include <vector>

#include "src/search/matern_kernel.h"

namespace vizsla {

// The negative logarithm of likelihood times prior, up to a constant, as a function of the
// logarithms of: each group's 1 / length scale^2, the joint part's variance, the noise variance
// above its floor, the additive part's variance. O(n^3 + n^2 groups) an evaluation.
class KernelPosterior {
 public:
  // `group_widths`: the numbers of adjacent columns of `points` that share a length scale.
  KernelPosterior(const Eigen::MatrixXd& points, const Eigen::VectorXd& values,
                  const std::vector<int>& group_widths);

  Eigen::Index parameter_count() const { return group_count_ + 3; }
  // Infinite where the covariance is not positive definite in doubles.
  double Evaluate(const Eigen::VectorXd& parameters, Eigen::VectorXd& gradient) const;
  MaternKernel KernelAt(const Eigen::VectorXd& parameters) const;

 private:
  const Eigen::VectorXd values_;
  const std::vector<int> group_widths_;
  const Eigen::Index group_count_;
  // Squared distances within each group (column) of the pairs of points (rows: those of a strictly
  // lower triangle, column by column).
  Eigen::MatrixXd pair_distances_;
};

// The minimum of the above that L-BFGS finds from length scales and variances 1 and hardly any
// noise.
MaternKernel FitKernel(const Eigen::MatrixXd& points, const Eigen::VectorXd& values,
                       const std::vector<int>& group_widths);

}  // namespace vizsla
