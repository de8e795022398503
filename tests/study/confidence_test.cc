#include "src/study/confidence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

namespace vizsla {
namespace {

// scipy 1.10.1: scipy.stats.t.ppf(0.975, degrees), which is itself right to about ten digits.
TEST(StudentT95, IsScipys) {
  const std::vector<std::pair<int, double>> recorded = {
      {1, 12.706204736432095},  {2, 4.302652729911275},   {3, 3.182446305284263},
      {4, 2.7764451051977987},  {5, 2.5705818366147395},  {6, 2.4469118487916806},
      {7, 2.3646242510102993},  {9, 2.2621571627409915},  {10, 2.2281388519649385},
      {19, 2.093024054408263},  {29, 2.045229642132703},  {30, 2.0422724563012373},
      {99, 1.9842169515086827}, {999, 1.9623414611334487}};
  for (const auto& [degrees, value] : recorded) {
    EXPECT_NEAR(StudentT95(degrees), value, 1e-10 * value) << degrees << " degrees of freedom";
  }
}

// The distribution of one and of two degrees has an inverse in closed form.
TEST(StudentT95, IsExactWhereThatCanBeSaid) {
  EXPECT_NEAR(StudentT95(1), std::tan(0.475 * std::numbers::pi), 1e-13);
  EXPECT_NEAR(StudentT95(2), 0.95 * std::sqrt(2 / (1 - 0.95 * 0.95)), 1e-14);
}

// scipy.stats.t.interval(0.95, n - 1, loc=numpy.mean(v), scale=scipy.stats.sem(v)).
TEST(MeanWithInterval, IsScipys) {
  const std::vector<double> five = {0.8125, 0.79, 0.805, 0.8275, 0.7825};
  const MeanInterval interval = MeanWithInterval(five);
  EXPECT_NEAR(interval.mean, 0.8035, 1e-15);
  ASSERT_TRUE(interval.half_width);
  EXPECT_NEAR(interval.mean - *interval.half_width, 0.7812667587620004, 1e-11);
  EXPECT_NEAR(interval.mean + *interval.half_width, 0.8257332412379996, 1e-11);

  const std::vector<double> two = {0.5, 0.7};
  EXPECT_NEAR(*MeanWithInterval(two).half_width, 1.2706204736432092, 1e-10);
}

TEST(MeanWithInterval, OfOneValueHasNoWidthAndOfEqualOnesNone) {
  const std::vector<double> one = {0.25};
  EXPECT_EQ(MeanWithInterval(one).mean, 0.25);
  EXPECT_EQ(MeanWithInterval(one).half_width, std::nullopt);
  const std::vector<double> equal = {0.5, 0.5, 0.5};
  EXPECT_EQ(MeanWithInterval(equal).half_width, 0);
}

}  // namespace
}  // namespace vizsla
