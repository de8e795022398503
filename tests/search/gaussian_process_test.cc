// The pure parts below the sampler, against scikit-learn, Optuna, mpmath and finite differences.
#include "src/search/gaussian_process.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "src/base/random.h"
#include "src/search/box_minimizer.h"
#include "src/search/expected_improvement.h"
#include "src/search/gp_space.h"
#include "src/search/kernel_fit.h"
#include "src/search/warped_losses.h"
#include "tests/search/eight_points.h"

namespace vizsla {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

const MaternKernel kKernel{
    Vector({1 / (0.5 * 0.5), 1 / (1.25 * 1.25), 1 / (0.2 * 0.2)}), 1.7, 0.01, 0, {}};

GaussianProcess EightPointProcess() {
  return GaussianProcess(kKernel, EightPoints(), kEightValues);
}

// scikit-learn 1.2.1:
//   k = ConstantKernel(1.7) * Matern([0.5, 1.25, 0.2], nu=2.5)
//   g = GaussianProcessRegressor(k, alpha=0.01, optimizer=None).fit(points, values)
//   g.predict(queries, return_std=True)   # variances: std ** 2
TEST(GaussianProcess, PredictsWhatScikitLearnPredicts) {
  MatrixXd queries(4, 3);
  queries << 0.1, 0.2, 0.3, 0.37, 0.59, 0.83, 0.9, 0.05, 0.5, 3, 3, 3;
  const double means[] = {1.1289648825951712, 0.29222008767911056, 0.24069083752766174,
                          -8.501585251342217e-10};
  const double variances[] = {0.8571041807119557, 0.009789466551249904, 0.8410196076656871, 1.7};
  const GaussianProcess process = EightPointProcess();
  const auto all = process.PredictAll(queries);
  const VectorXd only_means = process.MeansAt(queries);
  for (int i = 0; i < 4; ++i) {
    const auto one = process.Predict(VectorXd(queries.row(i).transpose()));
    EXPECT_NEAR(one.mean, means[i], 1e-12);
    EXPECT_NEAR(one.variance, variances[i], 1e-12);
    EXPECT_NEAR(all.means[i], means[i], 1e-12);
    EXPECT_NEAR(all.variances[i], variances[i], 1e-12);
    EXPECT_NEAR(only_means[i], means[i], 1e-12);
  }
}

TEST(GaussianProcess, GradientsMatchFiniteDifferences) {
  const GaussianProcess process = EightPointProcess();
  for (const VectorXd& x : {Vector({0.1, 0.2, 0.3}), Vector({0.9, 0.05, 0.5}),
                            VectorXd(EightPoints().row(2).transpose())}) {
    GaussianProcess::Gradients gradients;
    const auto prediction = process.Predict(x, gradients);
    EXPECT_NEAR(prediction.mean, process.Predict(x).mean, 1e-14);
    EXPECT_NEAR(prediction.variance, process.Predict(x).variance, 1e-14);
    for (Index i = 0; i < x.size(); ++i) {
      constexpr double kStep = 1e-5;
      VectorXd up = x, down = x;
      up[i] += kStep;
      down[i] -= kStep;
      const auto above = process.Predict(up), below = process.Predict(down);
      EXPECT_NEAR(gradients.mean[i], (above.mean - below.mean) / (2 * kStep), 1e-7);
      EXPECT_NEAR(gradients.variance[i], (above.variance - below.variance) / (2 * kStep), 1e-7);
    }
  }
}

TEST(GaussianProcess, RepeatedPointsWithoutNoiseDoNotBreakIt) {
  MaternKernel kernel = kKernel;
  kernel.noise_variance = 0;
  MatrixXd points(6, 3);
  points.topRows(3) = EightPoints().topRows(3);
  points.bottomRows(3) = EightPoints().topRows(3);
  const GaussianProcess process(kernel, points, Vector({1, 2, 3, 1, 2, 3}));
  EXPECT_NEAR(process.Predict(VectorXd(points.row(1).transpose())).mean, 2, 1e-4);
}

TEST(GaussianProcess, KnowsNothingWithoutObservations) {
  const GaussianProcess process(kKernel, MatrixXd(0, 3), VectorXd(0));
  EXPECT_EQ(process.Predict(Vector({0, 0, 0})).mean, 0);
  EXPECT_EQ(process.Predict(Vector({0, 0, 0})).variance, 1.7);
}

// Optuna 5.0.0, optuna._gp, with torch's automatic differentiation:
//   raw = log of 1/0.5^2, 1/1.25^2, 1/0.2^2, 1.7, 0.01
//   loss = -(gpr.marginal_log_likelihood() + default_log_prior(gpr)); loss.backward()
TEST(KernelPosterior, IsOptunasWithItsGradient) {
  // All but without the additive part, which Optuna does not have; its prior adds kNone.
  constexpr double kNone = 40;
  const KernelPosterior posterior(EightPoints(), kEightValues, {1, 1, 1});
  VectorXd parameters(6);
  parameters << kKernel.weights.array().log().matrix(), std::log(1.7), std::log(0.01), -kNone;
  VectorXd gradient(6);
  EXPECT_NEAR(posterior.Evaluate(parameters, gradient) - kNone, 14.784688565246476, 1e-10);
  const double expected[] = {-1.6964071097216218, -2.703629957576099, 0.4664418006183369,
                             -4.333152917253922, 0.001715924303693655};
  for (int i = 0; i < 5; ++i) EXPECT_NEAR(gradient[i], expected[i], 1e-10) << i;
}

TEST(KernelPosterior, ColumnsOfAGroupShareALengthScale) {
  const KernelPosterior posterior(EightPoints(), kEightValues, {2, 1});
  VectorXd parameters = Vector({0.7, -0.3, 0.2, -3, -0.5});
  VectorXd gradient(5), ignored(5);
  posterior.Evaluate(parameters, gradient);
  for (Index i = 0; i < 5; ++i) {
    constexpr double kStep = 1e-5;
    VectorXd up = parameters, down = parameters;
    up[i] += kStep;
    down[i] -= kStep;
    const double slope =
        (posterior.Evaluate(up, ignored) - posterior.Evaluate(down, ignored)) / (2 * kStep);
    EXPECT_NEAR(gradient[i], slope, 1e-7) << i;
  }
  const MaternKernel kernel = posterior.KernelAt(parameters);
  EXPECT_EQ(kernel.weights, Vector({std::exp(0.7), std::exp(0.7), std::exp(-0.3)}));
}

// Draws of a known process: what it was drawn with is found again.
TEST(FitKernel, RecoversLengthScalesAndNoise) {
  constexpr int kCount = 150;
  const MaternKernel truth{Vector({25, 1, 0.04}), 1, 0.01, 0, {}};
  VectorXd log_weights = VectorXd::Zero(3);
  double log_noise = 0;
  constexpr int kDraws = 4;
  for (uint64_t draw = 0; draw < kDraws; ++draw) {
    RandomStream stream(StreamKey(11).With(draw));
    MatrixXd points(kCount, 3);
    VectorXd normal(kCount);
    for (double& coordinate : points.reshaped()) coordinate = stream.Uniform();
    for (double& value : normal) value = stream.Normal();
    MatrixXd covariance = Covariance(truth, points, points);
    covariance.diagonal().array() += truth.noise_variance;
    const VectorXd values = covariance.llt().matrixL() * normal;
    const MaternKernel fitted = FitKernel(points, values, {1, 1, 1});
    log_weights += fitted.weights.array().log().matrix() / kDraws;
    log_noise += std::log(fitted.noise_variance) / kDraws;
  }
  EXPECT_NEAR(log_weights[0], std::log(25), std::log(1.5));
  EXPECT_NEAR(log_weights[0] - log_weights[1], std::log(25), std::log(2));
  EXPECT_GT(log_weights[1] - log_weights[2], std::log(2));  // the prior pulls the flat one to 1
  EXPECT_NEAR(log_noise, std::log(0.01), std::log(1.5));
}

// mpmath 1.2.1, 80 digits: h = npdf(z) + z ncdf(z); log(h), ncdf(z) / h, npdf(z) / h.
TEST(LogExpectedImprovement, IsAccurateFarBelowTheBest) {
  struct Case {
    double z, log_h, by_mean, by_deviation;
  };
  constexpr Case kCases[] = {
      {5, 1.6094379231264314, 0.19999994053122005, 2.9734389976756012e-7},
      {0.5, -0.35982768374506382, 0.99092271800410996, 0.50453864099794502},
      {0, -0.91893853320467274, 1.2533141373155003, 1.0},
      {-0.999, -2.4832171154475854, 1.9035493173589594, 2.9016457680416005},
      {-1, -2.4851210257126413, 1.9042712333296918, 2.9042712333296918},
      {-1.001, -2.4870256579553892, 1.904993272734213, 2.906898266006947},
      {-3, -7.8696860596030285, 3.5323375176251605, 11.597012552875482},
      {-14.999, -118.83303957127315, 15.130617116165515, 227.94412612536657},
      {-15.001, -118.86330278840331, 15.132600014741301, 228.00413282113425},
      {-30, -457.724653760598, 30.066446154162419, 902.99338462487257},
      {-40, -808.29856835661996, 40.049906657648518, 1602.9962663059407},
      {-1000, -500014.73445209116, 1000.001999994, 1000002.999994},
  };
  for (const Case& c : kCases) {
    const LogImprovement got = LogExpectedImprovement(-c.z, 1, 0);
    EXPECT_NEAR(got.value, c.log_h, 2e-12 * (1 + std::abs(c.log_h))) << c.z;
    EXPECT_NEAR(got.by_mean, -c.by_mean, 1e-11 * c.by_mean) << c.z;
    EXPECT_NEAR(got.by_deviation, c.by_deviation, 1e-11 * c.by_deviation) << c.z;
    // E[max(0, best - N(mean, s^2))] = s h((best - mean) / s).
    const LogImprovement scaled = LogExpectedImprovement(7 - 0.25 * c.z, 0.25, 7);
    EXPECT_NEAR(scaled.value, c.log_h + std::log(0.25), 1e-10 * (1 + std::abs(c.log_h))) << c.z;
  }
}

TEST(MinimizeInBox, FindsTheFootOfRosenbrocksValley) {
  const auto valley = [](const VectorXd& x, VectorXd& gradient) {
    const double a = x[1] - x[0] * x[0], b = 1 - x[0];
    gradient = Vector({-400 * x[0] * a - 2 * b, 200 * a});
    return 100 * a * a + b * b;
  };
  const VectorXd wide = VectorXd::Constant(2, 10);
  const BoxMinimum free = MinimizeInBox(valley, Vector({-1.2, 1}), -wide, wide, {500, 1e-8, 0});
  EXPECT_NEAR(free.x[0], 1, 1e-7);
  EXPECT_NEAR(free.x[1], 1, 1e-7);
  EXPECT_LT(free.evaluations, 100);
  // Within x <= 0.5 the least value is at x = 0.5, y = x^2.
  const BoxMinimum bounded =
      MinimizeInBox(valley, Vector({-1.2, 1}), -wide, Vector({0.5, 10}), {500, 1e-8, 0});
  EXPECT_EQ(bounded.x[0], 0.5);
  EXPECT_NEAR(bounded.x[1], 0.25, 1e-7);
}

TEST(MinimizeInBox, BacksOutOfWhereTheFunctionIsInfinite) {
  const auto logarithm = [](const VectorXd& x, VectorXd& gradient) {
    if (x[0] <= 0) return kInfinity;
    gradient[0] = 1 - 1 / x[0];
    return x[0] - std::log(x[0]);
  };
  const BoxMinimum found =
      MinimizeInBox(logarithm, Vector({30}), Vector({-100}), Vector({100}), {100, 1e-9, 0});
  EXPECT_NEAR(found.x[0], 1, 1e-7);
}

TEST(WarpLosses, KeepsTheOrderAndTheShapeOfTheBetterOnes) {
  const std::vector<double> losses = {4, 1, 2, 1e9, 2.5, kInfinity, 3, 1e5, 4, 1e6};
  const VectorXd warped = WarpLosses(losses);
  EXPECT_NEAR(warped.mean(), 0, 1e-14);
  EXPECT_NEAR(warped.squaredNorm() / 10, 1, 1e-14);
  for (size_t i = 0; i < losses.size(); ++i) {
    for (size_t j = 0; j < losses.size(); ++j) {
      // Infinite counts as the worst finite one, 1e9.
      if (losses[i] < std::min(losses[j], 1e9)) {
        EXPECT_LT(warped[i], warped[j]);
      }
    }
  }
  EXPECT_EQ(warped[0], warped[8]);
  EXPECT_EQ(warped[3], warped[5]);
  EXPECT_NEAR((warped[6] - warped[2]) / (warped[4] - warped[2]), 2, 0.2);  // 2, 2.5, 3
  // 1e9 is no outlier: from the median, 4, it is some 15 times as far as the best, not 1e9 / 3
  // times.
  EXPECT_LT(warped[3] - warped[0], 20 * (warped[0] - warped[1]));
}

TEST(WarpLosses, BearsExtremes) {
  EXPECT_EQ(WarpLosses({}).size(), 0);
  EXPECT_EQ(WarpLosses({5}), Vector({0}));
  EXPECT_EQ(WarpLosses({3, 3, 3}), Vector({0, 0, 0}));
  EXPECT_EQ(WarpLosses({kInfinity, kInfinity}), Vector({0, 0}));
  EXPECT_EQ(WarpLosses({0, kInfinity}), Vector({0, 0}));
  for (const auto& losses : {std::vector<double>{-1.7e308, 0, 1.7e308},
                             std::vector<double>{4.9e-324, 1e-320, 1e-310},
                             {1, 1, 1, 2}}) {
    const VectorXd warped = WarpLosses(losses);
    EXPECT_TRUE(warped.allFinite());
    EXPECT_LT(warped[0], warped[warped.size() - 1]);
  }
}

ParameterValue Word(const char* word) { return std::string(word); }

TEST(GpSpace, DistancesOfMixedAndConditionalConfigurations) {
  SearchSpace space;
  space.parameters = {
      {"kind", CategoricalDomain{{Word("a"), Word("b"), Word("c")}}, {}},
      {"fixed", CategoricalDomain{{Word("only")}}, {}},
      {"units", IntDomain{0, 9}, {{"kind", {Word("a")}}}},
      {"rate", FloatDomain{0, 2}, {}},
  };
  const GpSpace features(space);
  EXPECT_EQ(features.group_widths(), (std::vector<int>{3, 2, 1}));
  EXPECT_EQ(features.columns(), 6);
  EXPECT_EQ(features.ContinuousColumn(3), 5);
  EXPECT_EQ(features.ContinuousColumn(2), std::nullopt);

  const auto a0 = features.Embed(features.At({0.1, 0, 0.0, 0.5}));
  const auto a9 = features.Embed(features.At({0.1, 0, 0.95, 0.5}));
  const auto b = features.Embed(features.At({0.5, 0, 0.0, 0.5}));
  const auto b2 = features.Embed(features.At({0.5, 0, 0.9, 0.5}));
  const auto c = features.Embed(features.At({0.9, 0, 0.9, 0.75}));
  EXPECT_NEAR((a0 - a9).squaredNorm(), 0.9 * 0.9, 1e-12);
  EXPECT_EQ((b - b2).squaredNorm(), 0);  // units are inactive in both
  EXPECT_NEAR((a0 - b).squaredNorm(), 1 + 0.45 * 0.45 + 0.25, 1e-12);
  EXPECT_NEAR((b - c).squaredNorm(), 1 + 0.25 * 0.25, 1e-12);

  for (const UnitPoint& unit : {UnitPoint{0.1, 0, 0.0, 0.5}, UnitPoint{0.1, 0, 0.95, 1.0},
                                UnitPoint{0.5, 0.3, 0.9, 0.25}, UnitPoint{1, 1, 1, 0.75}}) {
    const Configuration configuration = features.At(unit);
    EXPECT_EQ(features.EmbedPoint(unit), features.Embed(configuration));
    const std::vector<bool> active = features.ActiveAt(unit);
    for (size_t i = 0; i < active.size(); ++i) {
      EXPECT_EQ(active[i], configuration.contains(space.parameters[i].name));
    }
  }

  const UnitPoint point = features.PointOf(features.At({0.1, 0, 0.95, 0.5}));
  EXPECT_EQ(features.At(point), features.At({0.1, 0, 0.95, 0.5}));
}

}  // namespace
}  // namespace vizsla
