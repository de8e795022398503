#include "src/search/kernel_fit.h"

#include <Eigen/Cholesky>
#include <cmath>
#include <limits>

#include "src/search/box_minimizer.h"

namespace vizsla {
namespace {

using Eigen::ArrayXd;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Keeps the covariance of repeated points positive definite.
constexpr double kLeastNoiseVariance = 1e-6;
// The gradient's tolerance is Optuna's: a likelihood is flat where it matters little.
constexpr BoxMinimizerOptions kFitOptions = {60, 1e-2, 1e-7};

// Logarithms; far beyond what the priors let pass.
constexpr double kLowest = -16;
constexpr double kHighest = 10;

MatrixXd PairDistances(const MatrixXd& points, const std::vector<int>& group_of_column,
                       Index group_count) {
  const Index count = points.rows();
  MatrixXd result = MatrixXd::Zero(count * (count - 1) / 2, group_count);
  for (Index column = 0; column < points.cols(); ++column) {
    const int group = group_of_column[static_cast<size_t>(column)];
    Index pair = 0;
    for (Index point = 0; point + 1 < count; ++point) {
      const Index others = count - point - 1;
      result.col(group).segment(pair, others).array() +=
          (points.col(column).tail(others).array() - points(point, column)).square();
      pair += others;
    }
  }
  return result;
}

// -log(x^(shape - 1) exp(-rate x)), and its derivative by log(x) added to `slope`.
double GammaPenalty(double x, double shape, double rate, double& slope) {
  slope += rate * x - (shape - 1);
  return rate * x - (shape - 1) * std::log(x);
}

}  // namespace

KernelPosterior::KernelPosterior(const MatrixXd& points, const VectorXd& values,
                                 const std::vector<int>& group_of_column, int group_count)
    : values_(values),
      group_of_column_(group_of_column),
      group_count_(group_count),
      pair_distances_(PairDistances(points, group_of_column, group_count)) {}

double KernelPosterior::Evaluate(const VectorXd& parameters, VectorXd& gradient) const {
  const Index count = values_.size();
  const VectorXd weights = parameters.head(group_count_).array().exp();
  const double scale = std::exp(parameters[group_count_]);
  const double extra_noise = std::exp(parameters[group_count_ + 1]);
  const double noise = kLeastNoiseVariance + extra_noise;

  const ArrayXd distances = pair_distances_ * weights;
  const ArrayXd correlations = Matern52(distances);
  MatrixXd covariance(count, count);  // only its lower triangle is used
  covariance.diagonal().setConstant(scale + noise);
  for (Index point = 0, pair = 0; point + 1 < count; ++point) {
    const Index others = count - point - 1;
    covariance.col(point).tail(others) = scale * correlations.segment(pair, others).matrix();
    pair += others;
  }
  const Eigen::LLT<MatrixXd> factor(covariance);
  if (factor.info() != Eigen::Success) return std::numeric_limits<double>::infinity();
  const VectorXd solved = factor.solve(values_);
  double result = factor.matrixLLT().diagonal().array().log().sum() + 0.5 * values_.dot(solved);

  // d result / d p = 1/2 trace((covariance^-1 - solved solved') d covariance / d p).
  MatrixXd sensitivity = factor.solve(MatrixXd::Identity(count, count));
  sensitivity.noalias() -= solved * solved.transpose();
  ArrayXd pairs(pair_distances_.rows());  // of the sensitivity; each stands for two entries
  for (Index point = 0, pair = 0; point + 1 < count; ++point) {
    const Index others = count - point - 1;
    pairs.segment(pair, others) = sensitivity.col(point).tail(others);
    pair += others;
  }
  const double trace = sensitivity.trace();
  const VectorXd by_distance = scale * pairs * Matern52Slope(distances);
  gradient.head(group_count_) = weights.cwiseProduct(pair_distances_.transpose() * by_distance);
  gradient[group_count_] = scale * (0.5 * trace + (pairs * correlations).sum());
  double noise_slope = 0;

  const ArrayXd w = weights.array();
  result += 0.1 * (w + 1 / w).sum();
  gradient.head(group_count_).array() += 0.1 * (w - 1 / w);
  result += GammaPenalty(scale, 2, 1, gradient[group_count_]);
  result += GammaPenalty(noise, 1.1, 30, noise_slope);
  gradient[group_count_ + 1] = extra_noise * (0.5 * trace + noise_slope / noise);
  return result;
}

MaternKernel KernelPosterior::KernelAt(const VectorXd& parameters) const {
  MaternKernel kernel;
  kernel.weights.resize(static_cast<Index>(group_of_column_.size()));
  for (size_t column = 0; column < group_of_column_.size(); ++column) {
    kernel.weights[static_cast<Index>(column)] = std::exp(parameters[group_of_column_[column]]);
  }
  kernel.scale = std::exp(parameters[group_count_]);
  kernel.noise_variance = kLeastNoiseVariance + std::exp(parameters[group_count_ + 1]);
  return kernel;
}

MaternKernel FitKernel(const MatrixXd& points, const VectorXd& values,
                       const std::vector<int>& group_of_column, int group_count) {
  const KernelPosterior posterior(points, values, group_of_column, group_count);
  const Index size = posterior.parameter_count();
  VectorXd start = VectorXd::Zero(size);
  start[size - 1] = std::log(1e-4);
  const BoxMinimum fitted = MinimizeInBox(
      [&](const VectorXd& parameters, VectorXd& gradient) {
        return posterior.Evaluate(parameters, gradient);
      },
      start, VectorXd::Constant(size, kLowest), VectorXd::Constant(size, kHighest), kFitOptions);
  return posterior.KernelAt(fitted.x);
}

}  // namespace vizsla
