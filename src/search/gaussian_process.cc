#include "src/search/gaussian_process.h"

#include <algorithm>

#include "src/base/check.h"

namespace vizsla {
namespace {

using Eigen::ArrayXd;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr int kMostJitters = 12;  // each ten times the one before

}  // namespace

GaussianProcess::GaussianProcess(MaternKernel kernel, MatrixXd points, const VectorXd& values)
    : kernel_(std::move(kernel)), points_(std::move(points)) {
  MatrixXd covariance = Covariance(kernel_, points_, points_);
  covariance.diagonal().array() += kernel_.noise_variance;
  factor_.compute(covariance);
  double jitter = 1e-12 * kernel_.scale;
  for (int i = 0; i < kMostJitters && factor_.info() != Eigen::Success; ++i, jitter *= 10) {
    covariance.diagonal().array() += jitter;
    factor_.compute(covariance);
  }
  VIZSLA_CHECK(factor_.info() == Eigen::Success);
  solved_values_ = factor_.solve(values);
}

GaussianProcess::Prediction GaussianProcess::Predict(const VectorXd& x) const {
  const VectorXd covariance = CovarianceWith(kernel_, points_, x);
  const double explained = factor_.matrixL().solve(covariance).squaredNorm();
  return {covariance.dot(solved_values_), std::max(0.0, kernel_.variance() - explained)};
}

GaussianProcess::Prediction GaussianProcess::Predict(const VectorXd& x,
                                                     Gradients& gradients) const {
  const VectorXd covariance = CovarianceWith(kernel_, points_, x);
  VectorXd solved = factor_.matrixL().solve(covariance);
  const double explained = solved.squaredNorm();
  factor_.matrixU().solveInPlace(solved);
  gradients.mean.resize(x.size());
  gradients.variance.resize(x.size());
  const ArrayXd joint_slopes =
      kernel_.scale * Matern52Slope(SquaredDistances(kernel_, points_, x, 0, x.size()));
  // d covariance[i] / d x[c] = slope[i] * 2 weight[c] (x[c] - points(i, c)).
  const auto add_columns = [&](Eigen::Index first, Eigen::Index width, const ArrayXd& slopes) {
    const ArrayXd mean_factors = slopes * solved_values_.array();
    const ArrayXd variance_factors = -2 * slopes * solved.array();
    for (Eigen::Index column = first; column < first + width; ++column) {
      const ArrayXd change =
          2 * kernel_.weights[column] * (x[column] - points_.col(column).array());
      gradients.mean[column] = (mean_factors * change).sum();
      gradients.variance[column] = (variance_factors * change).sum();
    }
  };
  if (kernel_.additive_scale == 0) {
    add_columns(0, x.size(), joint_slopes);
  } else {
    Eigen::Index first = 0;
    for (const int width : kernel_.group_widths) {
      const ArrayXd root =
          RationalQuadraticRoot(SquaredDistances(kernel_, points_, x, first, width));
      add_columns(first, width, joint_slopes - 0.5 * kernel_.group_scale() * root.cube());
      first += width;
    }
  }
  return {covariance.dot(solved_values_), std::max(0.0, kernel_.variance() - explained)};
}

GaussianProcess::Predictions GaussianProcess::PredictAll(const MatrixXd& points) const {
  MatrixXd covariance = Covariance(kernel_, points_, points);
  Predictions result;
  result.means = covariance.transpose() * solved_values_;
  factor_.matrixL().solveInPlace(covariance);
  result.variances = (kernel_.variance() - covariance.colwise().squaredNorm().array())
                         .max(0.0)
                         .matrix()
                         .transpose();
  return result;
}

VectorXd GaussianProcess::MeansAt(const MatrixXd& points) const {
  return Covariance(kernel_, points, points_) * solved_values_;
}

}  // namespace vizsla
