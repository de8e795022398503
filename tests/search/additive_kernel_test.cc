// The kernel's additive part, against scikit-learn 1.2.1 (RationalQuadratic of alpha 2 on the
// columns of each group, Matern of nu 2.5 on all) and numpy.
#include <gtest/gtest.h>

#include <cmath>

#include "src/base/random.h"
#include "src/search/gaussian_process.h"
#include "src/search/kernel_fit.h"
#include "tests/search/eight_points.h"

namespace vizsla {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// The last two columns are one group's.
const MaternKernel kKernel{
    Vector({1 / (0.5 * 0.5), 1 / (1.25 * 1.25), 1 / (0.2 * 0.2)}), 1.7, 0.01, 0.9, {1, 2}};

TEST(AdditiveKernel, PredictsWhatScikitLearnsSumOfKernelsDoes) {
  MatrixXd queries(4, 3);
  queries << 0.1, 0.2, 0.3, 0.37, 0.59, 0.83, 0.9, 0.05, 0.5, 3, 3, 3;
  const double means[] = {1.1361062217545483, 0.2945046769727675, 0.2996763771807269,
                          0.01492235769267205};
  const double variances[] = {1.0063251014240735, 0.009812692907601672, 0.9904089338839701,
                              2.599831224559502};
  const GaussianProcess process(kKernel, EightPoints(), kEightValues);
  const auto all = process.PredictAll(queries);
  for (int i = 0; i < 4; ++i) {
    const auto one = process.Predict(VectorXd(queries.row(i).transpose()));
    EXPECT_NEAR(one.mean, means[i], 1e-12);
    EXPECT_NEAR(one.variance, variances[i], 1e-12);
    EXPECT_NEAR(all.means[i], means[i], 1e-12);
    EXPECT_NEAR(all.variances[i], variances[i], 1e-12);
  }
}

TEST(AdditiveKernel, GradientsMatchFiniteDifferences) {
  const GaussianProcess process(kKernel, EightPoints(), kEightValues);
  const VectorXd x = Vector({0.9, 0.05, 0.5});
  GaussianProcess::Gradients gradients;
  process.Predict(x, gradients);
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

// The value from numpy and scikit-learn's kernels with the priors written out.
TEST(AdditiveKernel, LikelihoodAndItsGradient) {
  const KernelPosterior posterior(EightPoints(), kEightValues, {1, 2});
  const VectorXd parameters = Vector({0.7, -0.3, 0.2, -3, 0.4});
  VectorXd gradient(5), ignored(5);
  EXPECT_NEAR(posterior.Evaluate(parameters, gradient), 34.066305571175, 1e-10);
  const double expected[] = {-8.172019827412669, -14.598679947397384, -12.574351593741538,
                             -13.165106946644299, -0.4634936484393392};
  for (int i = 0; i < 5; ++i) EXPECT_NEAR(gradient[i], expected[i], 1e-7) << i;
}

// What the part is for: a sum of wavy functions of eight parameters each is known well after 80
// points, where the joint part alone hardly beats the mean.
TEST(AdditiveKernel, GeneralizesSumsOfOneParameterFunctions) {
  constexpr int kParameters = 8, kKnown = 80, kAsked = 100;
  RandomStream stream{StreamKey(5)};
  const auto sum = [](const MatrixXd& points) -> VectorXd {
    return (6 * points.array()).sin().rowwise().sum() / 2;
  };
  MatrixXd known(kKnown, kParameters), asked(kAsked, kParameters);
  for (double& coordinate : known.reshaped()) coordinate = stream.Uniform();
  for (double& coordinate : asked.reshaped()) coordinate = stream.Uniform();
  VectorXd values = sum(known);
  const double mean = values.mean();
  const double deviation = std::sqrt((values.array() - mean).square().mean());
  values = (values.array() - mean) / deviation;
  const VectorXd truth = (sum(asked).array() - mean) / deviation;

  MaternKernel kernel = FitKernel(known, values, std::vector<int>(kParameters, 1));
  EXPECT_GT(kernel.additive_scale, kernel.scale);
  const VectorXd means = GaussianProcess(kernel, known, values).MeansAt(asked);
  EXPECT_LT((means - truth).squaredNorm() / kAsked, 0.05);
}

}  // namespace
}  // namespace vizsla
