#include "src/search/matern_kernel.h"

namespace vizsla {

using Eigen::ArrayXd;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

ArrayXd Matern52(const Eigen::Ref<const ArrayXd>& squared_distances) {
  const ArrayXd root = (5 * squared_distances).sqrt();
  return (1 + root + (5.0 / 3) * squared_distances) * (-root).exp();
}

ArrayXd Matern52Slope(const Eigen::Ref<const ArrayXd>& squared_distances) {
  const ArrayXd root = (5 * squared_distances).sqrt();
  return (-5.0 / 6) * (1 + root) * (-root).exp();
}

ArrayXd RationalQuadraticRoot(const Eigen::Ref<const ArrayXd>& squared_distances) {
  return (1 + 0.25 * squared_distances).inverse();
}

ArrayXd SquaredDistances(const MaternKernel& kernel, const MatrixXd& points, const VectorXd& x,
                         Index first, Index width) {
  ArrayXd result = ArrayXd::Zero(points.rows());
  for (Index column = first; column < first + width; ++column) {
    result += kernel.weights[column] * (points.col(column).array() - x[column]).square();
  }
  return result;
}

VectorXd CovarianceWith(const MaternKernel& kernel, const MatrixXd& points, const VectorXd& x) {
  if (kernel.additive_scale == 0) {
    return kernel.scale * Matern52(SquaredDistances(kernel, points, x, 0, x.size()));
  }
  // The joint part's distances are the sums of the groups'.
  ArrayXd total = ArrayXd::Zero(points.rows());
  ArrayXd additive = ArrayXd::Zero(points.rows());
  Index first = 0;
  for (const int width : kernel.group_widths) {
    const ArrayXd distances = SquaredDistances(kernel, points, x, first, width);
    total += distances;
    additive += RationalQuadraticRoot(distances).square();
    first += width;
  }
  return kernel.scale * Matern52(total) + kernel.group_scale() * additive;
}

MatrixXd Covariance(const MaternKernel& kernel, const MatrixXd& a, const MatrixXd& b) {
  MatrixXd result(a.rows(), b.rows());
  for (Index row = 0; row < b.rows(); ++row) {
    result.col(row) = CovarianceWith(kernel, a, b.row(row).transpose());
  }
  return result;
}

}  // namespace vizsla
