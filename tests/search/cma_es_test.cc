// The parts of CMA-ES that know nothing of trials: the distribution, margins, cells.
#include "src/search/cma_es.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "src/search/cma_es_margin.h"
#include "src/search/unit_cell.h"
#include "src/search/unit_cube.h"

namespace vizsla {
namespace {

Eigen::MatrixXd CovarianceOf(const CmaEs& distribution) {
  const int n = distribution.dimensions();
  Eigen::MatrixXd root(n, n);
  for (int i = 0; i < n; ++i) {
    root.col(i) = distribution.At(Eigen::VectorXd::Unit(n, i)) - distribution.mean();
  }
  return root * root.transpose();
}

std::vector<Eigen::VectorXd> SomeMembers(int generation) {
  std::vector<Eigen::VectorXd> members(7, Eigen::VectorXd(3));
  for (int k = 0; k < 7; ++k) {
    for (int i = 0; i < 3; ++i) {
      members[k](i) =
          0.5 + 0.3 * std::sin(1 + k + 2 * i + generation) * (1 + 0.2 * i) - 0.05 * generation;
    }
  }
  return members;
}

// The figures are those of the Python package `cmaes` 0.13.1 (CyberAgent) after tell() of the same
// members, with its c_mu and weights replaced by those of version 2 of the tutorial (1/4 in (58)).
// It adds 1e-8 to the squared distances of bad members; hence the tolerance.
TEST(CmaEs, UpdatesAsTheReference) {
  CmaEs distribution(Eigen::Vector3d(0.5, 0.4, 0.6), 0.25);
  distribution.Update(SomeMembers(0));
  EXPECT_NEAR(distribution.mean()(0), 0.7328650410642308, 2e-9);
  EXPECT_NEAR(distribution.mean()(1), 0.4080189531044649, 2e-9);
  EXPECT_NEAR(distribution.mean()(2), 0.26330339311511, 2e-9);
  EXPECT_NEAR(distribution.Deviation(0), 0.2878951684808515, 2e-9);
  EXPECT_NEAR(distribution.Deviation(1), 0.24554790638803373, 2e-9);
  EXPECT_NEAR(distribution.Deviation(2), 0.3036891342482054, 2e-9);
  EXPECT_NEAR(CovarianceOf(distribution)(0, 1), 0.0032999080507822465, 2e-9);
  distribution.Update(SomeMembers(1));
  EXPECT_NEAR(distribution.mean()(0), 0.5945618193321284, 2e-9);
  EXPECT_NEAR(distribution.mean()(1), 0.17713067333379973, 2e-9);
  EXPECT_NEAR(distribution.mean()(2), 0.5125721027950924, 2e-9);
  EXPECT_NEAR(distribution.Deviation(0), 0.2659844727804079, 2e-9);
  EXPECT_NEAR(distribution.Deviation(1), 0.21379217128331454, 2e-9);
  EXPECT_NEAR(distribution.Deviation(2), 0.28431075840744496, 2e-9);
  EXPECT_NEAR(CovarianceOf(distribution)(0, 1), 0.010078189228662773, 2e-9);
}

TEST(CmaEs, AMemberFromFarAwayMovesItALittle) {
  CmaEs distribution(Eigen::VectorXd::Constant(4, 0.5), 0.01);
  std::vector<Eigen::VectorXd> members(8, Eigen::VectorXd::Constant(4, 0.5));
  members[0](2) += 1e6;
  distribution.Update(members);
  const double farthest = 2 + 2 * 4 / 6.0;  // deviations
  EXPECT_GT(distribution.mean()(2), 0.5);
  EXPECT_LT(distribution.mean()(2), 0.5 + 0.01 * farthest);
  EXPECT_EQ(distribution.mean()(0), 0.5);
}

// All selection in one direction, members on one line or all the same: numbers that stay numbers.
TEST(CmaEs, StaysFiniteWhateverTheMembers) {
  for (const int kind : {0, 1, 2}) {
    CmaEs distribution(Eigen::VectorXd::Constant(5, 0.5), 0.25);
    for (int generation = 0; generation < 3000; ++generation) {
      std::vector<Eigen::VectorXd> members(8, distribution.mean());
      for (int k = 0; k < 8; ++k) {
        if (kind == 0) members[k](0) += (8 - k) * distribution.Deviation(0);
        if (kind == 1) members[k].array() += 1e-3 * (k % 3);
      }
      distribution.Update(members);
      for (int i = 0; i < 5; ++i) {
        ASSERT_GT(distribution.Deviation(i), 0) << kind << " " << generation;
        ASSERT_LE(distribution.Deviation(i), 1 + 1e-9) << kind << " " << generation;
      }
      ASSERT_TRUE(distribution.At(Eigen::VectorXd::Ones(5)).allFinite());
    }
  }
}

TEST(CmaEs, CollapsesUnderAMillionthAndWidens) {
  CmaEs distribution(Eigen::VectorXd::Constant(2, 0.5), 1e-6);
  EXPECT_FALSE(distribution.Collapsed());
  EXPECT_TRUE(CmaEs(Eigen::VectorXd::Constant(2, 0.5), 0.9e-6).Collapsed());
  for (int i = 0; i < 200; ++i) distribution.Widen(6);
  EXPECT_NEAR(distribution.Deviation(0), 1, 1e-12);
}

TEST(CmaEs, TwoMembersAreEnough) {
  CmaEs distribution(Eigen::VectorXd::Constant(1, 0.5), 0.25);
  distribution.Update({Eigen::VectorXd::Constant(1, 0.6), Eigen::VectorXd::Constant(1, 0.4)});
  EXPECT_NEAR(distribution.mean()(0), 0.6, 1e-12);
  EXPECT_GT(distribution.Deviation(0), 0);
}

TEST(CmaEs, SetMarginalLeavesTheOthersAlone) {
  CmaEs distribution(Eigen::Vector3d(0.5, 0.4, 0.6), 0.25);
  distribution.Update(SomeMembers(0));
  const Eigen::MatrixXd before = CovarianceOf(distribution);
  distribution.SetMarginal(1, 0.9, 0.07);
  EXPECT_NEAR(distribution.Deviation(1), 0.07, 1e-15);
  EXPECT_EQ(distribution.mean()(1), 0.9);
  const Eigen::MatrixXd after = CovarianceOf(distribution);
  EXPECT_NEAR(after(0, 2), before(0, 2), 1e-15);
  EXPECT_NEAR(after(0, 1) / 0.07, before(0, 1) / std::sqrt(before(1, 1)), 1e-12);  // correlation
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double Below(Marginal marginal, double edge) {
  return 0.5 * std::erfc((marginal.mean - edge) / marginal.deviation / std::sqrt(2.0));
}

TEST(Margin, OfAnInnerCellIsKeptOnBothSides) {
  const UnitCell cell{0.4, 0.6};
  for (const Marginal marginal :
       {Marginal{0.5, 1e-9}, Marginal{0.41, 0.001}, Marginal{0.6, 1e-3}, Marginal{0.55, 0.02}}) {
    const Marginal kept = WithMargin(marginal, cell, 0.02);
    EXPECT_GE(kept.mean, cell.low);
    EXPECT_LE(kept.mean, cell.high);
    EXPECT_GE(Below(kept, cell.low), 0.01 - 1e-9);
    EXPECT_GE(1 - Below(kept, cell.high), 0.01 - 1e-9);
  }
  // From one side of the cell it does not jump to the other.
  EXPECT_LT(WithMargin({0.41, 0.01}, cell, 0.02).mean, 0.5);
}

TEST(Margin, OfAnOuterCellMovesTheMeanOnly) {
  const Marginal low = WithMargin({0.1, 0.01}, {-kInfinity, 0.5}, 0.02);
  EXPECT_NEAR(1 - Below(low, 0.5), 0.02, 1e-9);
  EXPECT_EQ(low.deviation, 0.01);
  EXPECT_LT(low.mean, 0.5);
  const Marginal high = WithMargin({3, 0.01}, {0.5, kInfinity}, 0.02);
  EXPECT_NEAR(Below(high, 0.5), 0.02, 1e-9);
  EXPECT_GT(high.mean, 0.5);
}

TEST(Margin, LeavesAWideOneAlone) {
  const Marginal marginal{0.47, 0.2};
  const Marginal inner = WithMargin(marginal, {0.4, 0.6}, 0.02);
  const Marginal outer = WithMargin(marginal, {-kInfinity, 0.5}, 0.02);
  EXPECT_EQ(inner.mean, marginal.mean);
  EXPECT_EQ(inner.deviation, marginal.deviation);
  EXPECT_EQ(outer.mean, marginal.mean);
}

// When values come up as the distribution says, the imputed draws have its moments again.
TEST(DrawInCell, RestoresTheDistribution) {
  const Marginal marginal{0.47, 0.2};
  RandomStream stream{StreamKey(1)};
  double sum = 0;
  double squares = 0;
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) {
    const double hidden = marginal.mean + marginal.deviation * stream.Normal();
    const double index = std::floor(hidden * 4);
    UnitCell cell{index / 4, (index + 1) / 4};
    if (index <= 0) cell = {-kInfinity, 0.25};
    if (index >= 3) cell = {0.75, kInfinity};
    const double draw = DrawInCell(marginal, cell, stream);
    ASSERT_GE(draw, cell.low);
    ASSERT_LE(draw, cell.high);
    sum += draw - marginal.mean;
    squares += (draw - marginal.mean) * (draw - marginal.mean);
  }
  EXPECT_NEAR(sum / kDraws, 0, 5 * 0.2 / std::sqrt(kDraws));
  EXPECT_NEAR(squares / kDraws, 0.04, 5 * 0.04 * std::sqrt(2.0 / kDraws));
}

TEST(DrawInCell, FarAwayIsTheNearEdge) {
  RandomStream stream{StreamKey(1)};
  EXPECT_EQ(DrawInCell({0.1, 1e-6}, {0.5, 0.75}, stream), 0.5);
  EXPECT_EQ(DrawInCell({0.9, 1e-6}, {0.5, 0.75}, stream), 0.75);
  EXPECT_EQ(DrawInCell({0.9, 1e-6}, {-kInfinity, 0.75}, stream), 0.75);
}

TEST(UnitCell, HoldsWhatBecomesItsValue) {
  const std::vector<Domain> domains = {
      IntDomain{3, 9, false, 2},
      IntDomain{1, 40, true, 1},
      IntDomain{7, 8, true, 1},
      FloatDomain{0, 0.5, false, 0.1},
      CategoricalDomain{{ParameterValue(int64_t{1}), ParameterValue(int64_t{10})}},
  };
  for (const Domain& domain : domains) {
    double end = -kInfinity;
    for (int64_t index = 0; index < *CountValues(domain); ++index) {
      const ParameterValue value = ValueAt(domain, index);
      const UnitCell cell = CellOf(domain, value);
      EXPECT_EQ(cell.low, end);  // no gaps
      end = cell.high;
      EXPECT_EQ(FromUnit(domain, std::max(cell.low + 1e-9, 0.0)), value);
      EXPECT_EQ(FromUnit(domain, std::min(cell.high - 1e-9, 1.0)), value);
    }
    EXPECT_EQ(end, kInfinity);
  }
}

}  // namespace
}  // namespace vizsla
