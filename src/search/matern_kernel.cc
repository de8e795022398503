#include "src/search/matern_kernel.h"

namespace vizsla {

using Eigen::ArrayXd;
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

ArrayXd SquaredDistances(const MaternKernel& kernel, const MatrixXd& points, const VectorXd& x) {
  ArrayXd result = ArrayXd::Zero(points.rows());
  for (Eigen::Index column = 0; column < points.cols(); ++column) {
    result += kernel.weights[column] * (points.col(column).array() - x[column]).square();
  }
  return result;
}

MatrixXd Covariance(const MaternKernel& kernel, const MatrixXd& a, const MatrixXd& b) {
  MatrixXd result(a.rows(), b.rows());
  for (Eigen::Index row = 0; row < b.rows(); ++row) {
    result.col(row) =
        kernel.scale * Matern52(SquaredDistances(kernel, a, b.row(row).transpose())).matrix();
  }
  return result;
}

}  // namespace vizsla
