#include "src/catalog/mixing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numbers>
#include <vector>

namespace vizsla {
namespace {

constexpr int kDraws = 40000;
constexpr int kSize = 160;

double ShareBelow(const std::vector<double>& values, double bound) {
  const auto below =
      std::count_if(values.begin(), values.end(), [bound](double v) { return v <= bound; });
  return static_cast<double>(below) / static_cast<double>(values.size());
}

std::vector<double> Betas(double a, double b) {
  RandomStream stream(StreamKey(21).With("beta"));
  std::vector<double> values;
  for (int i = 0; i < kDraws; ++i) values.push_back(DrawBeta(a, b, stream));
  return values;
}

std::vector<BatchMix> Mixes(double mixup_alpha, double cutmix_alpha, int size = kSize) {
  std::vector<BatchMix> mixes;
  for (uint64_t batch = 0; batch < kDraws; ++batch) {
    RandomStream stream(StreamKey(22).With("mix").With(batch));
    mixes.push_back(DrawMix(mixup_alpha, cutmix_alpha, size, stream));
  }
  return mixes;
}

// 1.95 / sqrt(n) is the Kolmogorov-Smirnov distance that one sample in a thousand exceeds.
void ExpectDistribution(std::vector<double> values, const std::function<double(double)>& cdf) {
  std::sort(values.begin(), values.end());
  double distance = 0;
  const auto n = static_cast<double>(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const double expected = cdf(values[i]);
    distance = std::max({distance, std::abs(expected - static_cast<double>(i) / n),
                         std::abs(expected - static_cast<double>(i + 1) / n)});
  }
  EXPECT_LT(distance, 1.95 / std::sqrt(n));
}

TEST(DrawBeta, HasTheDistributionsOfItsClosedForms) {
  ExpectDistribution(Betas(1, 1), [](double x) { return x; });
  ExpectDistribution(Betas(0.5, 0.5),
                     [](double x) { return 2 / std::numbers::pi * std::asin(std::sqrt(x)); });
  ExpectDistribution(Betas(2, 3), [](double x) { return x * x * (6 - 8 * x + 3 * x * x); });
  ExpectDistribution(Betas(4, 1), [](double x) { return x * x * x * x; });
  ExpectDistribution(Betas(0.1, 1), [](double x) { return std::pow(x, 0.1); });
}

TEST(DrawBeta, HasScipysProbabilitiesAndTheKnownMoments) {
  // scipy.stats.beta(a, b).cdf; 0.01 is four standard errors.
  const std::vector<double> usual = Betas(0.2, 0.2);
  EXPECT_NEAR(ShareBelow(usual, 0.001), 0.132201, 0.01);
  EXPECT_NEAR(ShareBelow(usual, 0.05), 0.291025, 0.01);
  EXPECT_NEAR(ShareBelow(usual, 0.2), 0.392722, 0.01);
  EXPECT_NEAR(ShareBelow(usual, 0.5), 0.5, 0.01);
  const std::vector<double> skewed = Betas(2.5, 0.3);
  EXPECT_NEAR(ShareBelow(skewed, 0.3), 0.009878, 0.002);
  EXPECT_NEAR(ShareBelow(skewed, 0.6), 0.071522, 0.006);
  EXPECT_NEAR(ShareBelow(skewed, 0.9), 0.319751, 0.01);
  EXPECT_NEAR(ShareBelow(skewed, 0.99), 0.648245, 0.01);
  for (const double alpha : {0.2, 0.7, 1.0, 8.0}) {
    double sum = 0;
    double squares = 0;
    for (const double value : Betas(alpha, alpha)) {
      sum += value;
      squares += (value - 0.5) * (value - 0.5);
    }
    EXPECT_NEAR(sum / kDraws, 0.5, 0.01) << alpha;
    const double variance = 1 / (4 * (2 * alpha + 1));
    EXPECT_NEAR(squares / kDraws / variance, 1, 0.03) << alpha;
  }
}

TEST(DrawBeta, SmallParametersGiveZerosAndOnesNotNaN) {
  for (const double alpha : {0.01, 1e-4}) {
    const std::vector<double> values = Betas(alpha, alpha);
    for (const double value : values) {
      EXPECT_GE(value, 0);
      EXPECT_LE(value, 1);
    }
    EXPECT_NEAR(ShareBelow(values, 0.5), 0.5, 0.01);
    EXPECT_GT(ShareBelow(values, 1e-3) + 1 - ShareBelow(values, 1 - 1e-3), 0.85);
  }
}

TEST(DrawMix, WithoutAlphasLeavesTheBatch) {
  RandomStream stream(StreamKey(1));
  EXPECT_EQ(DrawMix(0, 0, kSize, stream), BatchMix());
  EXPECT_EQ(BatchMix().weight, 1);
  EXPECT_FALSE(BatchMix().is_cutmix);
}

TEST(DrawMix, MixupsWeightIsBeta) {
  std::vector<double> weights;
  for (const BatchMix& mix : Mixes(0.5, 0)) {
    EXPECT_FALSE(mix.is_cutmix);
    EXPECT_EQ(mix.box, PixelBox());
    weights.push_back(mix.weight);
  }
  ExpectDistribution(weights,
                     [](double x) { return 2 / std::numbers::pi * std::asin(std::sqrt(x)); });
}

TEST(DrawMix, CutmixsWeightIsTheShareOfPixelsThatStay) {
  for (const int size : {1, 7, kSize}) {
    for (const BatchMix& mix : Mixes(0, 1, size)) {
      ASSERT_TRUE(mix.is_cutmix);
      ASSERT_LE(0, mix.box.top);
      ASSERT_LE(mix.box.top, mix.box.bottom);
      ASSERT_LE(mix.box.bottom, size);
      ASSERT_LE(0, mix.box.left);
      ASSERT_LE(mix.box.left, mix.box.right);
      ASSERT_LE(mix.box.right, size);
      int kept = 0;
      for (int row = 0; row < size; ++row) {
        const bool within = mix.box.top <= row && row < mix.box.bottom;
        kept += within ? size - (mix.box.right - mix.box.left) : size;
      }
      ASSERT_NEAR(mix.weight, static_cast<double>(kept) / (size * size), 1e-12);
    }
  }
}

// Quantiles of 200000 draws of torchvision 0.26's v2.CutMix(alpha=0.7).make_params at 160 x 160.
TEST(DrawMix, CutmixsBoxesAreDistributedAsTorchvisions) {
  constexpr std::array<double, 5> kShares = {0.1, 0.25, 0.5, 0.75, 0.9};
  std::vector<double> weights;
  std::array<std::vector<double>, 2> lengths;  // height, width
  std::vector<double> bottoms;
  int square = 0;
  int empty = 0;
  for (const BatchMix& mix : Mixes(0, 0.7)) {
    weights.push_back(mix.weight);
    const int height = mix.box.bottom - mix.box.top;
    const int width = mix.box.right - mix.box.left;
    lengths[0].push_back(height);
    lengths[1].push_back(width);
    bottoms.push_back(mix.box.bottom);
    empty += height * width == 0 ? 1 : 0;
    const bool clipped =
        mix.box.top == 0 || mix.box.left == 0 || mix.box.bottom == kSize || mix.box.right == kSize;
    if (!clipped) {
      EXPECT_EQ(height, width);
      EXPECT_EQ(height % 2, 0);
      ++square;
    }
  }
  constexpr std::array<double, 5> kWeights = {0.4053, 0.5454, 0.7017, 0.8594, 0.9551};
  constexpr std::array<double, 5> kLengths = {32.5, 58, 85, 110, 131};
  for (size_t i = 0; i < kShares.size(); ++i) {
    EXPECT_NEAR(ShareBelow(weights, kWeights[i]), kShares[i], 0.015);
    for (const auto& length : lengths) {
      EXPECT_NEAR(ShareBelow(length, kLengths[i]), kShares[i], 0.02);
    }
  }
  EXPECT_NEAR(ShareBelow(bottoms, 64), 0.1, 0.015);
  EXPECT_NEAR(ShareBelow(bottoms, 91), 0.25, 0.015);
  EXPECT_NEAR(ShareBelow(bottoms, 131), 0.5, 0.015);
  EXPECT_NEAR(empty, 0.00177 * kDraws, 40);
  EXPECT_GT(square, kDraws / 10);
}

TEST(DrawMix, BothTakeTurnsByChance) {
  std::vector<double> mixup_weights;
  int cutmix = 0;
  for (const BatchMix& mix : Mixes(1, 1)) {
    if (mix.is_cutmix) {
      ++cutmix;
    } else {
      mixup_weights.push_back(mix.weight);
    }
  }
  EXPECT_NEAR(cutmix, kDraws / 2, 400);
  ExpectDistribution(mixup_weights, [](double x) { return x; });
}

TEST(DrawMix, IsAFunctionOfItsStream) {
  EXPECT_EQ(Mixes(0.4, 1), Mixes(0.4, 1));
  const std::vector<BatchMix> mixes = Mixes(0.4, 0);
  EXPECT_NE(mixes[0], mixes[1]);
}

TEST(MixPartner, IsTheRowBeforeAsBatchRollHasIt) {
  EXPECT_EQ(MixPartner(0, 4), 3u);
  EXPECT_EQ(MixPartner(1, 4), 0u);
  EXPECT_EQ(MixPartner(3, 4), 2u);
  EXPECT_EQ(MixPartner(0, 1), 0u);
}

}  // namespace
}  // namespace vizsla
