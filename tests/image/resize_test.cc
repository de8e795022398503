#include "src/image/resize.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/image/image_testing.h"

namespace vizsla {
namespace {

// The mean of the source over the box [low, high) along one axis.
std::vector<std::pair<int, double>> BoxWeights(int target, int from, int to) {
  const double scale = static_cast<double>(from) / to;
  const double low = target * scale;
  const double high = low + scale;
  std::vector<std::pair<int, double>> weights;
  for (int i = static_cast<int>(low); i < from && i < high; ++i) {
    weights.emplace_back(i,
                         (std::min(high, i + 1.0) - std::max(low, static_cast<double>(i))) / scale);
  }
  return weights;
}

// Linear interpolation between pixel centres, the edges repeated.
std::vector<std::pair<int, double>> LinearWeights(int target, int from, int to) {
  const double at = (target + 0.5) * from / to - 0.5;
  const int low = static_cast<int>(std::floor(at));
  const double share = at - low;
  return {{std::clamp(low, 0, from - 1), 1 - share}, {std::clamp(low + 1, 0, from - 1), share}};
}

std::vector<std::pair<int, double>> Weights(int target, int from, int to) {
  return from >= to ? BoxWeights(target, from, to) : LinearWeights(target, from, to);
}

TEST(ResizeTest, FollowsTheDefinitionOfAreaAndLinearInterpolation) {
  constexpr int kSize = 20;
  const std::vector<std::pair<int, int>> shapes = {{40, 40}, {61, 47}, {20, 33}, {200, 20},
                                                   {7, 9},   {50, 11}, {13, 64}, {1, 1}};
  for (const auto& [width, height] : shapes) {
    const cv::Mat photo = MadePhoto(width, height, 3);
    const cv::Mat small = ResizeToSquare(photo, kSize);
    ASSERT_EQ(small.size(), cv::Size(kSize, kSize));
    // Two roundings to bytes when one axis shrinks and the other grows.
    const double tolerance = (width >= kSize) == (height >= kSize) ? 1.01 : 2.01;
    for (int row = 0; row < kSize; ++row) {
      for (int column = 0; column < kSize; ++column) {
        for (int c = 0; c < 3; ++c) {
          double expected = 0;
          for (const auto& [y, wy] : Weights(row, height, kSize)) {
            for (const auto& [x, wx] : Weights(column, width, kSize)) {
              expected += wy * wx * photo.at<cv::Vec3b>(y, x)[c];
            }
          }
          ASSERT_NEAR(small.at<cv::Vec3b>(row, column)[c], expected, tolerance)
              << width << "x" << height << " at " << row << ", " << column;
        }
      }
    }
  }
}

TEST(ResizeTest, ThePhotoOfTheRightSizeStaysAsItIs) {
  const cv::Mat photo = MadePhoto(32, 32, 5);
  EXPECT_EQ(cv::norm(ResizeToSquare(photo, 32), photo, cv::NORM_INF), 0);
}

}  // namespace
}  // namespace vizsla
