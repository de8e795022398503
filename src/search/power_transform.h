// Makes values look more like draws of a normal distribution: the power transformation of Yeo and
// Johnson ("A new family of power transformations to improve normality or symmetry", 2000) at the
// power of greatest likelihood, as HEBO does to the objective before it fits a Gaussian process
// (Cowen-Rivers et al.: "HEBO: pushing the limits of sample-efficient hyperparameter
// optimisation", 2022). A process is stationary, while a loss often changes by orders of magnitude
// in one part of its space and hardly in another. Pure. Internal to src/search.
#pragma once

#include <Eigen/Core>

namespace vizsla {

// y -> ((y + 1)^power - 1) / power for y >= 0, -((1 - y)^(2 - power) - 1) / (2 - power) below, and
// the limits of these at powers 0 and 2. Strictly rising; 1 changes nothing.
double YeoJohnson(double y, double power);

// Of 0.5, 0.6, ... 2, the power after which values of mean 0 and variance 1 are likeliest to be
// draws of one normal distribution. Lower powers were no better on the logarithmic problems of
// tests/benchmark/search_problems.py, and worse on a conditional one.
double LikeliestPower(const Eigen::VectorXd& values);

}  // namespace vizsla
