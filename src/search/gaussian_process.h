// Regression with a Gaussian process of mean zero: what is known of a function after noisy
// observations (Rasmussen, Williams: "Gaussian processes for machine learning", 2006, algorithm
// 2.1). Exact: O(n^3) to build, O(n^2) a prediction. Pure. Internal to src/search.
#pragma once

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include "src/search/matern_kernel.h"

namespace vizsla {

class GaussianProcess {
 public:
  // `points`: n x columns, one a row; `values`: n. All finite. Where points repeat with hardly any
  // noise, noise is added until the covariance is positive definite in doubles.
  GaussianProcess(MaternKernel kernel, Eigen::MatrixXd points, const Eigen::VectorXd& values);

  // Of the function (not of a noisy observation of it). The variance is not negative.
  struct Prediction {
    double mean = 0;
    double variance = 0;
  };
  Prediction Predict(const Eigen::VectorXd& x) const;
  // The same with both gradients by x.
  struct Gradients {
    Eigen::VectorXd mean;
    Eigen::VectorXd variance;
  };
  Prediction Predict(const Eigen::VectorXd& x, Gradients& gradients) const;

  // One prediction for each row of `points`, faster than one by one.
  struct Predictions {
    Eigen::VectorXd means;
    Eigen::VectorXd variances;
  };
  Predictions PredictAll(const Eigen::MatrixXd& points) const;
  Eigen::VectorXd MeansAt(const Eigen::MatrixXd& points) const;  // O(n) each

  const MaternKernel& kernel() const { return kernel_; }

 private:
  MaternKernel kernel_;
  Eigen::MatrixXd points_;
  Eigen::LLT<Eigen::MatrixXd> factor_;  // of the observations' covariance, noise included
  Eigen::VectorXd solved_values_;       // covariance^-1 values
};

}  // namespace vizsla
