#include "src/dataset/mix_pixels.h"

#include <gtest/gtest.h>

#include <vector>

#include "src/base/random.h"

namespace vizsla {
namespace {

constexpr int kSize = 6;
constexpr size_t kPlane = static_cast<size_t>(kSize) * kSize;

std::vector<float> Pixels(uint64_t seed) {
  RandomStream stream(StreamKey(seed).With("pixels"));
  std::vector<float> pixels(3 * kPlane);
  for (float& pixel : pixels) pixel = static_cast<float>(stream.Uniform(-1, 1));
  return pixels;
}

TEST(MixPixels, MixupBlendsEveryPixelByTheWeight) {
  const std::vector<float> own = Pixels(1);
  const std::vector<float> partner = Pixels(2);
  for (const double weight : {0.0, 0.3, 1.0}) {
    std::vector<float> mixed = own;
    MixPixels({.weight = weight}, kSize, partner, mixed);
    for (size_t i = 0; i < own.size(); ++i) {
      EXPECT_NEAR(mixed[i], weight * own[i] + (1 - weight) * partner[i], 1e-6);
    }
  }
}

TEST(MixPixels, CutmixTakesThePartnersBoxInEveryPlane) {
  const std::vector<float> own = Pixels(1);
  const std::vector<float> partner = Pixels(2);
  const std::vector<PixelBox> boxes = {
      {1, 2, 4, 5}, {0, 0, kSize, kSize}, {5, 5, kSize, kSize}, {3, 0, 3, 6}, {0, 4, 6, 4}};
  for (const PixelBox& box : boxes) {
    std::vector<float> mixed = own;
    MixPixels({.weight = 0.75, .is_cutmix = true, .box = box}, kSize, partner, mixed);
    for (int plane = 0; plane < 3; ++plane) {
      for (int row = 0; row < kSize; ++row) {
        for (int column = 0; column < kSize; ++column) {
          const bool inside =
              box.top <= row && row < box.bottom && box.left <= column && column < box.right;
          const auto at = static_cast<size_t>((plane * kSize + row) * kSize + column);
          EXPECT_EQ(mixed[at], inside ? partner[at] : own[at]);
        }
      }
    }
  }
}

TEST(MixPixels, MixesAnyNumberOfPlanes) {
  std::vector<float> own(kPlane, 1.0f);
  MixPixels({.weight = 0.25}, kSize, std::vector<float>(kPlane, 5.0f), own);
  EXPECT_EQ(own, std::vector<float>(kPlane, 4.0f));
}

TEST(MixPixelsDeathTest, RefusesWhatIsNotPlanesOrLeavesThem) {
  std::vector<float> own = Pixels(1);
  const std::vector<float> partner = Pixels(2);
  EXPECT_DEATH(MixPixels({}, kSize + 1, partner, own), "");
  EXPECT_DEATH(MixPixels({}, kSize, std::span(partner).first(kPlane), own), "");
  const BatchMix outside = {.weight = 0.5, .is_cutmix = true, .box = {0, 0, kSize, kSize + 1}};
  EXPECT_DEATH(MixPixels(outside, kSize, partner, own), "");
}

}  // namespace
}  // namespace vizsla
