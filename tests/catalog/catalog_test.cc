#include <gmock/gmock.h>

#include <cmath>

#include "src/base/sha256.h"
#include "src/catalog/augmentation.h"
#include "src/catalog/feature_key.h"
#include "src/catalog/preprocessing.h"
#include "src/catalog/weights_traits.h"

namespace vizsla {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

double Apply(const Preprocessing& p, int channel, double byte) {
  return byte * p.scale[channel] + p.offset[channel];
}

// keras_applications/imagenet_utils.py, and torchvision's normalisation.
TEST(Preprocessing, FollowsTheDefinitions) {
  const auto unit = *FindPreprocessing("unit");
  EXPECT_FALSE(unit.bgr);
  EXPECT_NEAR(Apply(unit, 0, 255), 1, 1e-6);
  const auto tf = *FindPreprocessing("tf");
  EXPECT_FALSE(tf.bgr);
  EXPECT_NEAR(Apply(tf, 1, 0), -1, 1e-6);
  EXPECT_NEAR(Apply(tf, 1, 255), 1, 1e-6);
  const auto torch = *FindPreprocessing("torch");
  EXPECT_FALSE(torch.bgr);
  EXPECT_NEAR(Apply(torch, 0, 100), (100 / 255.0 - 0.485) / 0.229, 1e-5);
  EXPECT_NEAR(Apply(torch, 1, 100), (100 / 255.0 - 0.456) / 0.224, 1e-5);
  EXPECT_NEAR(Apply(torch, 2, 100), (100 / 255.0 - 0.406) / 0.225, 1e-5);
  const auto caffe = *FindPreprocessing("caffe");
  EXPECT_TRUE(caffe.bgr);  // channel 0 is blue, whose mean is 103.939
  EXPECT_NEAR(Apply(caffe, 0, 110), 110 - 103.939, 1e-4);
  EXPECT_NEAR(Apply(caffe, 1, 110), 110 - 116.779, 1e-4);
  EXPECT_NEAR(Apply(caffe, 2, 110), 110 - 123.68, 1e-4);
  const auto identity = *FindPreprocessing("identity");
  EXPECT_FALSE(identity.bgr);
  EXPECT_EQ(Apply(identity, 2, 77), 77);
  const auto notebook = *FindPreprocessing("notebook");
  EXPECT_TRUE(notebook.bgr);
  EXPECT_NEAR(Apply(notebook, 0, 255), 1, 1e-6);
}

TEST(Preprocessing, EveryNameIsFoundAndOthersAreNot) {
  for (const std::string_view name : PreprocessingNames()) {
    EXPECT_EQ(FindPreprocessing(name)->name, name);
  }
  const absl::Status status = FindPreprocessing("weights").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(status.ToString(),
              HasSubstr("known are: unit, tf, torch, caffe, identity, notebook"));
}

TEST(Preprocessing, MetadataOfTheSharedWeightsIsUnderstood) {
  EXPECT_EQ(PreprocessingFromMetadata("mobilenet: x/127.5-1"), "tf");
  EXPECT_EQ(PreprocessingFromMetadata("MobileNetV2"), "tf");
  EXPECT_EQ(PreprocessingFromMetadata("torch"), "torch");
  EXPECT_EQ(PreprocessingFromMetadata("Caffe"), "caffe");
  EXPECT_EQ(PreprocessingFromMetadata("x/255"), std::nullopt);
  EXPECT_EQ(PreprocessingFromMetadata(""), std::nullopt);
}

TEST(Augmentation, PoliciesAreTheCampaigns) {
  EXPECT_EQ(*FindAugmentationPolicy("none"), (AugmentationPolicy{0, 0, 0, 0, false}));
  EXPECT_EQ(*FindAugmentationPolicy("v1"), (AugmentationPolicy{0, 0, 0, 0, true}));
  EXPECT_EQ(*FindAugmentationPolicy("v2"), (AugmentationPolicy{15, 0, 0, 0.2, true}));
  EXPECT_EQ(*FindAugmentationPolicy("v3"), (AugmentationPolicy{15, 0.2, 0.2, 0.2, true}));
  EXPECT_THAT(FindAugmentationPolicy("v4").status().ToString(), HasSubstr("none, v1, v2, v3"));
  for (const std::string_view name : AugmentationPolicyNames()) {
    EXPECT_TRUE(FindAugmentationPolicy(name).ok());
  }
}

TEST(Augmentation, ViewsFillThePolicysRanges) {
  const AugmentationPolicy v3 = *FindAugmentationPolicy("v3");
  RandomStream stream(StreamKey(1));
  double max_rotation = 0;
  double min_zoom = 2;
  double max_zoom = 0;
  double max_shift = 0;
  double zoom_difference = 0;
  int flips = 0;
  constexpr int kDraws = 5000;
  for (int i = 0; i < kDraws; ++i) {
    const View view = DrawView(v3, stream);
    EXPECT_LE(std::abs(view.rotation_degrees), 15);
    EXPECT_LE(std::abs(view.shift_x), 0.2);
    EXPECT_LE(std::abs(view.shift_y), 0.2);
    max_rotation = std::max(max_rotation, std::abs(view.rotation_degrees));
    max_shift = std::max(max_shift, std::min(std::abs(view.shift_x), std::abs(view.shift_y)));
    min_zoom = std::min({min_zoom, view.zoom_x, view.zoom_y});
    max_zoom = std::max({max_zoom, view.zoom_x, view.zoom_y});
    zoom_difference = std::max(zoom_difference, std::abs(view.zoom_x - view.zoom_y));
    flips += view.flip ? 1 : 0;
  }
  EXPECT_GT(max_rotation, 14.9);
  EXPECT_GT(max_shift, 0.19);
  EXPECT_GE(min_zoom, 0.8);
  EXPECT_LT(min_zoom, 0.81);
  EXPECT_LE(max_zoom, 1.2);
  EXPECT_GT(max_zoom, 1.19);
  EXPECT_GT(zoom_difference, 0.3);  // drawn per axis
  EXPECT_NEAR(flips, kDraws / 2, 150);
}

TEST(Augmentation, NoneIsThePhotoAndV1ItsMirrorAtMost) {
  RandomStream stream(StreamKey(2));
  int flips = 0;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(DrawView(*FindAugmentationPolicy("none"), stream), View());
    View view = DrawView(*FindAugmentationPolicy("v1"), stream);
    flips += view.flip ? 1 : 0;
    view.flip = false;
    EXPECT_EQ(view, View());
  }
  EXPECT_NEAR(flips, 500, 80);
}

TEST(Augmentation, EveryPolicyDrawsEquallyOften) {
  std::vector<uint64_t> next;
  for (const std::string_view name : AugmentationPolicyNames()) {
    RandomStream stream(StreamKey(3));
    DrawView(*FindAugmentationPolicy(name), stream);
    next.push_back(stream.NextU64());
  }
  EXPECT_THAT(next, ::testing::Each(next[0]));
}

TEST(Augmentation, CountsExactViews) {
  EXPECT_EQ(CountExactViews(*FindAugmentationPolicy("none")), 1);
  EXPECT_EQ(CountExactViews(*FindAugmentationPolicy("v1")), 2);
  EXPECT_EQ(CountExactViews(*FindAugmentationPolicy("v2")), 0);
  EXPECT_EQ(CountExactViews(*FindAugmentationPolicy("v3")), 0);
}

TEST(FeatureCacheKey, DependsOnEveryField) {
  const auto key = [](std::string_view digest, std::string_view backbone, std::string_view weights,
                      Padding padding, std::string_view cut, std::string_view views = "") {
    return FeatureCacheKey(digest, backbone, weights, padding, cut, views);
  };
  const std::string base = key("d", "mobilenet_v2", "w", Padding::kTfSame, "features");
  EXPECT_TRUE(IsSha256Hex(base));
  EXPECT_EQ(base, key("d", "mobilenet_v2", "w", Padding::kTfSame, "features"));
  EXPECT_NE(base, key("e", "mobilenet_v2", "w", Padding::kTfSame, "features"));
  EXPECT_NE(base, key("d", "mobilenet_v3", "w", Padding::kTfSame, "features"));
  EXPECT_NE(base, key("d", "mobilenet_v2", "x", Padding::kTfSame, "features"));
  EXPECT_NE(base, key("d", "mobilenet_v2", "w", Padding::kSymmetric, "features"));
  EXPECT_NE(base, key("d", "mobilenet_v2", "w", Padding::kTfSame, "block_13_expand"));
  EXPECT_NE(base, key("d", "mobilenet_v2", "w", Padding::kTfSame, "features", "drawn"));
  EXPECT_NE(key("d", "mobilenet_v2", "w", Padding::kTfSame, "features", "drawn 2"),
            key("d", "mobilenet_v2", "w", Padding::kTfSame, "features", "drawn 1"));
  // What it was before there were views to name: those caches are still read.
  EXPECT_EQ(base, "5e0ee3d44cb83ad25f7e4a02b001ef08d0d00ae5fa11679ff1baa39b4efcd414");
  // Fields do not flow into each other.
  EXPECT_NE(key("ab", "c", "w", Padding::kTfSame, "f"), key("a", "bc", "w", Padding::kTfSame, "f"));
}

TEST(WeightsTraits, ReadsTheSharedFilesMetadata) {
  const auto traits = TraitsFromMetadata({{"architecture", "mobilenet_v2"},
                                          {"padding", "tf_same"},
                                          {"preprocess", "mobilenet: x/127.5-1"},
                                          {"anything", "else"}},
                                         {});
  ASSERT_TRUE(traits.ok()) << traits.status();
  EXPECT_EQ(traits->architecture, "mobilenet_v2");
  EXPECT_EQ(traits->padding, "tf_same");
  EXPECT_EQ(traits->preprocessing, "tf");
}

TEST(WeightsTraits, TheUsersWordWins) {
  const auto traits =
      TraitsFromMetadata({{"padding", "tf_same"}, {"preprocessing", "tf"}}, {"symmetric", "torch"});
  ASSERT_TRUE(traits.ok());
  EXPECT_EQ(traits->padding, "symmetric");
  EXPECT_EQ(traits->preprocessing, "torch");
  const auto mixed = TraitsFromMetadata({{"padding", "tf_same"}}, {"", "notebook"});
  ASSERT_TRUE(mixed.ok());
  EXPECT_EQ(mixed->padding, "tf_same");
  EXPECT_EQ(mixed->preprocessing, "notebook");
}

TEST(WeightsTraits, SilenceIsRefusedWithTheWayToSayIt) {
  for (const WeightsSpec& word :
       {WeightsSpec{}, WeightsSpec{"", "tf"}, WeightsSpec{"tf_same", ""}}) {
    const absl::Status status = TraitsFromMetadata({}, word).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.ToString(), HasSubstr(word.padding.empty() ? "padding" : "preprocessing"));
    EXPECT_THAT(status.ToString(), HasSubstr("weights: {padding: tf_same|symmetric"));
  }
}

TEST(WeightsTraits, UnknownWordsAreNamed) {
  EXPECT_THAT(
      TraitsFromMetadata({{"padding", "valid"}, {"preprocess", "tf"}}, {}).status().ToString(),
      HasSubstr("the weights file says padding 'valid'"));
  EXPECT_THAT(
      TraitsFromMetadata({{"padding", "tf_same"}, {"preprocess", "magic"}}, {}).status().ToString(),
      HasSubstr("the weights file says preprocessing 'magic'"));
  EXPECT_THAT(TraitsFromMetadata({}, {"tf_same", "mobilenet"}).status().ToString(),
              HasSubstr("weights.preprocessing 'mobilenet'"));
  EXPECT_THAT(TraitsFromMetadata({}, {"same", "tf"}).status().ToString(),
              HasSubstr("weights.padding 'same'"));
}

}  // namespace
}  // namespace vizsla
