#include "src/search/kernel_fit.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

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

MatrixXd PairDistances(const MatrixXd& points, const std::vector<int>& group_widths) {
  const Index count = points.rows();
  const auto groups = static_cast<Index>(group_widths.size());
  MatrixXd result = MatrixXd::Zero(count * (count - 1) / 2, groups);
  Index column = 0;
  for (Index group = 0; group < groups; ++group) {
    const Index end = column + group_widths[static_cast<size_t>(group)];
    for (; column < end; ++column) {
      Index pair = 0;
      for (Index point = 0; point + 1 < count; ++point) {
        const Index others = count - point - 1;
        result.col(group).segment(pair, others).array() +=
            (points.col(column).tail(others).array() - points(point, column)).square();
        pair += others;
      }
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
                                 const std::vector<int>& group_widths)
    : values_(values),
      group_widths_(group_widths),
      group_count_(static_cast<Index>(group_widths.size())),
      pair_distances_(PairDistances(points, group_widths)) {}

double KernelPosterior::Evaluate(const VectorXd& parameters, VectorXd& gradient) const {
  const Index count = values_.size();
  const VectorXd weights = parameters.head(group_count_).array().exp();
  const double scale = std::exp(parameters[group_count_]);
  const double extra_noise = std::exp(parameters[group_count_ + 1]);
  const double noise = kLeastNoiseVariance + extra_noise;
  const double additive_scale = std::exp(parameters[group_count_ + 2]);
  const double group_scale = additive_scale / static_cast<double>(std::max<Index>(1, group_count_));

  const ArrayXd distances = pair_distances_ * weights;
  const ArrayXd correlations = Matern52(distances);
  MatrixXd roots(pair_distances_.rows(), group_count_);  // of the groups' correlations
  ArrayXd additive = ArrayXd::Zero(pair_distances_.rows());
  for (Index group = 0; group < group_count_; ++group) {
    roots.col(group) = RationalQuadraticRoot((weights[group] * pair_distances_.col(group)).array());
    additive += roots.col(group).array().square();
  }
  const ArrayXd covariances = scale * correlations + group_scale * additive;
  MatrixXd covariance(count, count);  // only its lower triangle is used
  covariance.diagonal().setConstant(scale + group_scale * static_cast<double>(group_count_) +
                                    noise);
  for (Index point = 0, pair = 0; point + 1 < count; ++point) {
    const Index others = count - point - 1;
    covariance.col(point).tail(others) = covariances.segment(pair, others).matrix();
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
  const ArrayXd by_distance = scale * pairs * Matern52Slope(distances);
  const ArrayXd by_cube = (-0.5 * group_scale) * pairs;
  for (Index group = 0; group < group_count_; ++group) {
    const auto by_group = by_distance + by_cube * roots.col(group).array().cube();
    gradient[group] = weights[group] * (pair_distances_.col(group).array() * by_group).sum();
  }
  gradient[group_count_] = scale * (0.5 * trace + (pairs * correlations).sum());
  gradient[group_count_ + 2] =
      group_scale * (0.5 * trace * static_cast<double>(group_count_) + (pairs * additive).sum());
  double noise_slope = 0;

  const ArrayXd w = weights.array();
  result += 0.1 * (w + 1 / w).sum();
  gradient.head(group_count_).array() += 0.1 * (w - 1 / w);
  result += GammaPenalty(scale, 2, 1, gradient[group_count_]);
  result += GammaPenalty(additive_scale, 2, 1, gradient[group_count_ + 2]);
  result += GammaPenalty(noise, 1.1, 30, noise_slope);
  gradient[group_count_ + 1] = extra_noise * (0.5 * trace + noise_slope / noise);
  return result;
}

MaternKernel KernelPosterior::KernelAt(const VectorXd& parameters) const {
  MaternKernel kernel;
  kernel.weights.resize(std::accumulate(group_widths_.begin(), group_widths_.end(), Index{0}));
  Index column = 0;
  for (Index group = 0; group < group_count_; ++group) {
    const Index width = group_widths_[static_cast<size_t>(group)];
    kernel.weights.segment(column, width).setConstant(std::exp(parameters[group]));
    column += width;
  }
  kernel.scale = std::exp(parameters[group_count_]);
  kernel.noise_variance = kLeastNoiseVariance + std::exp(parameters[group_count_ + 1]);
  // Nothing to add up: no group.
  if (group_count_ > 0) kernel.additive_scale = std::exp(parameters[group_count_ + 2]);
  kernel.group_widths = group_widths_;
  return kernel;
}

MaternKernel FitKernel(const MatrixXd& points, const VectorXd& values,
                       const std::vector<int>& group_widths) {
  const KernelPosterior posterior(points, values, group_widths);
  const Index size = posterior.parameter_count();
  VectorXd start = VectorXd::Zero(size);
  start[size - 2] = std::log(1e-4);
  const BoxMinimum fitted = MinimizeInBox(
      [&](const VectorXd& parameters, VectorXd& gradient) {
        return posterior.Evaluate(parameters, gradient);
      },
      start, VectorXd::Constant(size, kLowest), VectorXd::Constant(size, kHighest), kFitOptions);
  return posterior.KernelAt(fitted.x);
}

}  // namespace vizsla
