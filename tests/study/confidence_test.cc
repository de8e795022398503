#include "src/study/confidence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

namespace vizsla {
namespace {

// scipy 1.17.1: scipy.stats.t.ppf(0.975, degrees).
TEST(StudentT95, IsScipys) {
  const std::vector<std::pair<int, double>> recorded = {
      {1, 12.706204736174694},  {2, 4.3026527297494619},  {3, 3.1824463052837078},
      {4, 2.7764451051977934},  {5, 2.5705818356363146},  {6, 2.4469118511449786},
      {7, 2.364624251592784},   {9, 2.2621571627982049},  {10, 2.2281388519862739},
      {19, 2.0930240544083087}, {29, 2.045229642132703},  {30, 2.0422724563012378},
      {99, 1.9842169515864174}, {999, 1.9623414611334493}};
  for (const auto& [degrees, value] : recorded) {
    EXPECT_NEAR(StudentT95(degrees), value, 1e-12 * value) << degrees << " degrees of freedom";
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
