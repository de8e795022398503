// The variations of custom policies; the campaign's own policies are in catalog_test.cc.
#include "src/catalog/augmentation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

namespace vizsla {
namespace {

constexpr int kDraws = 20000;

AugmentationPolicy Everything() {
  return {.rotation_degrees = 20,
          .width_shift = 0.1,
          .height_shift = 0.15,
          .zoom = 0.2,
          .horizontal_flip = true,
          .shear_degrees = 12,
          .crop_scale = 0.3,
          .brightness = 0.4,
          .contrast = 0.5,
          .erasing = 0.5};
}

// Every policy that varies one thing, with its name.
std::vector<std::pair<std::string, AugmentationPolicy>> OneVariationEach() {
  return {{"rotation", {.rotation_degrees = 20}},
          {"width shift", {.width_shift = 0.1}},
          {"height shift", {.height_shift = 0.15}},
          {"zoom", {.zoom = 0.2}},
          {"shear", {.shear_degrees = 12}},
          {"crop", {.crop_scale = 0.3}},
          {"brightness", {.brightness = 0.4}},
          {"contrast", {.contrast = 0.5}},
          {"erasing", {.erasing = 0.5}}};
}

std::vector<View> Views(const AugmentationPolicy& policy, int count) {
  std::vector<View> views;
  for (int i = 0; i < count; ++i) {
    RandomStream stream(StreamKey(8).With("views").With(static_cast<uint64_t>(i)));
    views.push_back(DrawView(policy, stream));
  }
  return views;
}

// The reference's 10%, 25%, 50%, 75% and 90% quantiles; 0.015 is four standard errors.
void ExpectQuantiles(const std::vector<double>& values, const std::array<double, 5>& quantiles,
                     const std::string& what) {
  constexpr std::array<double, 5> kShares = {0.1, 0.25, 0.5, 0.75, 0.9};
  for (size_t i = 0; i < kShares.size(); ++i) {
    const auto below = static_cast<double>(
        std::count_if(values.begin(), values.end(), [&](double v) { return v < quantiles[i]; }));
    EXPECT_NEAR(below / static_cast<double>(values.size()), kShares[i], 0.015)
        << what << " below " << quantiles[i];
  }
}

void ExpectFillsRange(const std::vector<double>& values, double low, double high) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const double margin = (high - low) * 0.002;
  EXPECT_GE(*least, low);
  EXPECT_LT(*least, low + margin);
  EXPECT_LE(*most, high);
  EXPECT_GT(*most, high - margin);
}

// Written down before custom policies existed: trials of earlier versions see the same photos
// again.
TEST(Augmentation, TheCampaignsPoliciesDrawWhatTheyAlwaysDrew) {
  const std::array<std::array<View, 3>, 3> expected = {{
      {{{.flip = false}, {.flip = false}, {.flip = true}}},
      {{{false, 0x1.8a83955ed5cp+3, 0, 0, 0x1.a4b4c3feca4d7p-1, 0x1.dadd9e884bcap-1},
        {false, -0x1.4bf0a3c2dae4ap+3, 0, 0, 0x1.0ea481f7d64f6p+0, 0x1.f51d0dcde50abp-1},
        {true, -0x1.d3053b8e9ab35p+3, 0, 0, 0x1.1de645090fb39p+0, 0x1.9eac14b4b11d7p-1}}},
      {{{false, 0x1.8a83955ed5cp+3, 0x1.adc314573d9fcp-4, -0x1.af106c1b7d868p-6,
         0x1.a4b4c3feca4d7p-1, 0x1.dadd9e884bcap-1},
        {false, -0x1.4bf0a3c2dae4ap+3, -0x1.d5de044dbfc08p-5, 0x1.576d222b62a44p-4,
         0x1.0ea481f7d64f6p+0, 0x1.f51d0dcde50abp-1},
        {true, -0x1.d3053b8e9ab35p+3, 0x1.ed84f8c006d6p-4, -0x1.89f0cee6413afp-3,
         0x1.1de645090fb39p+0, 0x1.9eac14b4b11d7p-1}}},
  }};
  constexpr std::array<const char*, 3> kPolicies = {"v1", "v2", "v3"};
  for (size_t policy = 0; policy < kPolicies.size(); ++policy) {
    for (size_t photo = 0; photo < 3; ++photo) {
      RandomStream stream(StreamKey(11).With("augmentation").With(3).With(photo));
      EXPECT_EQ(DrawView(*FindAugmentationPolicy(kPolicies[policy]), stream),
                expected[policy][photo])
          << kPolicies[policy] << ", photo " << photo;
    }
  }
}

TEST(Augmentation, TheDefaultPolicyAndViewChangeNothing) {
  EXPECT_EQ(*FindAugmentationPolicy("none"), AugmentationPolicy());
  for (const View& view : Views({}, 500)) EXPECT_EQ(view, View());
  EXPECT_EQ(View().crop, (ViewBox{0, 0, 1, 1}));
  EXPECT_EQ(View().erased, (ViewBox{0, 0, 0, 0}));
}

TEST(Augmentation, CustomFactorsFillTheirRanges) {
  std::vector<double> shear;
  std::vector<double> brightness;
  std::vector<double> contrast;
  for (const View& view : Views(Everything(), kDraws)) {
    shear.push_back(view.shear_degrees);
    brightness.push_back(view.brightness);
    contrast.push_back(view.contrast);
  }
  ExpectFillsRange(shear, -12, 12);
  ExpectFillsRange(brightness, 0.6, 1.4);
  ExpectFillsRange(contrast, 0.5, 1.5);
  ExpectQuantiles(shear, {-9.6, -6, 0, 6, 9.6}, "shear");
  ExpectQuantiles(brightness, {0.68, 0.8, 1, 1.2, 1.32}, "brightness");
  ExpectQuantiles(contrast, {0.6, 0.75, 1, 1.25, 1.4}, "contrast");
}

struct BoxValues {
  std::vector<double> area;
  std::vector<double> ratio;  // width to height
  std::vector<double> top;    // in the room that is left
  std::vector<double> left;
  void Add(const ViewBox& box) {
    EXPECT_GE(box.top, 0);
    EXPECT_GE(box.left, 0);
    EXPECT_LE(box.top + box.height, 1);
    EXPECT_LE(box.left + box.width, 1);
    area.push_back(box.height * box.width);
    ratio.push_back(box.width / box.height);
    top.push_back(box.top / (1 - box.height));
    left.push_back(box.left / (1 - box.width));
  }
};

// The quantiles are those of 200000 draws of torchvision 0.14's get_params for a photo of 20000 x
// 20000 pixels.
TEST(Augmentation, CropsAreDistributedAsTorchvisions) {
  for (const double scale : {0.3, 0.8}) {
    BoxValues crops;
    int whole = 0;
    for (const View& view : Views({.crop_scale = scale}, kDraws)) {
      if (view.crop == View().crop) {
        ++whole;
      } else {
        crops.Add(view.crop);
      }
    }
    ExpectQuantiles(crops.top, {0.1, 0.25, 0.5, 0.75, 0.9}, "top");
    ExpectQuantiles(crops.left, {0.1, 0.25, 0.5, 0.75, 0.9}, "left");
    if (scale == 0.3) {
      EXPECT_EQ(whole, 0);
      ExpectQuantiles(crops.area, {0.3571, 0.4421, 0.5840, 0.7267, 0.8248}, "area");
      ExpectQuantiles(crops.ratio, {0.8030, 0.8791, 0.9999, 1.1361, 1.2442}, "ratio");
    } else {
      // Ten tries in vain: 0.97% in torchvision.
      EXPECT_NEAR(whole, 0.0097 * kDraws, 60);
      ExpectQuantiles(crops.area, {0.8097, 0.8257, 0.8569, 0.8982, 0.9354}, "area");
      ExpectQuantiles(crops.ratio, {0.8851, 0.9380, 0.9999, 1.0661, 1.1289}, "ratio");
    }
  }
}

TEST(Augmentation, ErasedBoxesAreDistributedAsTorchvisions) {
  BoxValues boxes;
  for (const View& view : Views({.erasing = 0.5}, 2 * kDraws)) {
    if (view.erased != ViewBox()) boxes.Add(view.erased);
  }
  EXPECT_NEAR(static_cast<double>(boxes.area.size()), kDraws, 400);
  for (double& ratio : boxes.ratio) ratio = 1 / ratio;  // RandomErasing's is of height to width
  ExpectQuantiles(boxes.area, {0.0509, 0.0977, 0.1746, 0.2518, 0.2978}, "area");
  ExpectQuantiles(boxes.ratio, {0.3830, 0.5486, 0.9943, 1.8088, 2.5877}, "ratio");
  ExpectQuantiles(boxes.top, {0.1, 0.25, 0.5, 0.75, 0.9}, "top");
  ExpectQuantiles(boxes.left, {0.1, 0.25, 0.5, 0.75, 0.9}, "left");
  for (const View& view : Views({.erasing = 1}, 1000)) EXPECT_NE(view.erased, ViewBox());
}

TEST(Augmentation, EveryPolicyAndOutcomeDrawsEquallyOften) {
  std::vector<std::pair<std::string, AugmentationPolicy>> policies = OneVariationEach();
  policies.emplace_back("everything", Everything());
  policies.emplace_back("crops that hardly ever fit", AugmentationPolicy{.crop_scale = 0.99});
  for (const auto& [name, policy] : policies) {
    for (uint64_t seed = 0; seed < 200; ++seed) {
      RandomStream plain(StreamKey(3).With(seed));
      RandomStream varied(StreamKey(3).With(seed));
      DrawView({}, plain);
      DrawView(policy, varied);
      EXPECT_EQ(plain.NextU64(), varied.NextU64()) << name << ", seed " << seed;
    }
  }
}

TEST(Augmentation, OneVariationMoreLeavesTheOthersDraws) {
  const std::vector<View> all = Views(Everything(), 100);
  AugmentationPolicy fewer = Everything();
  fewer.crop_scale = 1;
  fewer.brightness = 0;
  const std::vector<View> some = Views(fewer, 100);
  for (size_t i = 0; i < all.size(); ++i) {
    View expected = all[i];
    expected.crop = View().crop;
    expected.brightness = 1;
    EXPECT_EQ(some[i], expected);
  }
}

TEST(Augmentation, OnlyMirrorImagesCanBeCounted) {
  EXPECT_EQ(CountExactViews({}), 1);
  EXPECT_EQ(CountExactViews({.horizontal_flip = true}), 2);
  for (auto [name, policy] : OneVariationEach()) {
    EXPECT_EQ(CountExactViews(policy), 0) << name;
    policy.horizontal_flip = true;
    EXPECT_EQ(CountExactViews(policy), 0) << name << " and flip";
  }
}

}  // namespace
}  // namespace vizsla
