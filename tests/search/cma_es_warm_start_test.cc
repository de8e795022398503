#include "src/search/cma_es_warm_start.h"

#include <gtest/gtest.h>

#include <cmath>

namespace vizsla {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

VectorXd Point(double x, double y) {
  VectorXd point(2);
  point << x, y;
  return point;
}

// From the points of the standard basis: mean + A e_i, of which A A' is the covariance.
MatrixXd CovarianceOf(const CmaEs& distribution) {
  const int n = distribution.dimensions();
  MatrixXd covariance = MatrixXd::Zero(n, n);
  for (int i = 0; i < n; ++i) {
    const VectorXd step = distribution.At(VectorXd::Unit(n, i)) - distribution.mean();
    covariance += step * step.transpose();
  }
  return covariance;
}

TEST(WarmStartCmaEs, OfNothingThereIsNone) { EXPECT_FALSE(WarmStartCmaEs({}).has_value()); }

TEST(WarmStartCmaEs, OneBestPointIsTheCentreOfANarrowBall) {
  // Up to 19 points the best tenth is one.
  std::vector<VectorXd> points = {Point(0.9, 0.1)};
  for (int i = 1; i < 19; ++i) points.push_back(Point(0.1, 0.9));
  const auto start = WarmStartCmaEs(points);
  ASSERT_TRUE(start.has_value());
  EXPECT_TRUE(start->mean().isApprox(Point(0.9, 0.1)));
  EXPECT_TRUE(CovarianceOf(*start).isApprox(0.01 * MatrixXd::Identity(2, 2), 1e-9));
}

// Worked by hand: of 20 points the best two are 0.2 apart in both coordinates, so that each lies
// (0.1, 0.1) from their mean.
TEST(WarmStartCmaEs, TheBestTenthGivesMeanAndShape) {
  std::vector<VectorXd> points = {Point(0.2, 0.3), Point(0.4, 0.5)};
  for (int i = 2; i < 20; ++i) points.push_back(Point(0.9, 0.05 * i));
  const auto start = WarmStartCmaEs(points);
  ASSERT_TRUE(start.has_value());
  EXPECT_TRUE(start->mean().isApprox(Point(0.3, 0.4)));
  MatrixXd expected(2, 2);
  expected << 0.02, 0.01, 0.01, 0.02;
  EXPECT_TRUE(CovarianceOf(*start).isApprox(expected, 1e-9)) << CovarianceOf(*start);
  EXPECT_NEAR(start->Deviation(0), std::sqrt(0.02), 1e-12);
}

}  // namespace
}  // namespace vizsla
