#include "src/catalog/view_set.h"

#include <gmock/gmock.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

namespace vizsla {
namespace {

using ::testing::SizeIs;

AugmentationPolicy Policy(const char* name) { return *FindAugmentationPolicy(name); }

ViewSet Drawn(const AugmentationPolicy& policy, int count) {
  const auto views = ViewSet::Of(policy, count);
  EXPECT_TRUE(views && !views->is_exact());
  return *views;
}

TEST(ViewSet, ExactViewsAreThePhotoAndItsMirrorImage) {
  for (const int drawn : {0, 5}) {
    const auto none = ViewSet::Of(Policy("none"), drawn);
    const auto v1 = ViewSet::Of(Policy("v1"), drawn);
    ASSERT_TRUE(none && v1);
    EXPECT_TRUE(none->is_exact() && v1->is_exact()) << "a number of views means nothing to them";
    EXPECT_EQ(none->count(), 1);
    EXPECT_EQ(v1->count(), 2);
    EXPECT_EQ(v1->At(7, 0), View());
    EXPECT_EQ(v1->At(7, 1), View{.flip = true});
    EXPECT_EQ(none->Family(), v1->Family());
  }
  EXPECT_EQ(ViewSet::OfValidation(false).count(), 1);
  EXPECT_EQ(ViewSet::OfValidation(true).count(), 2);
  EXPECT_EQ(ViewSet::OfValidation(true).Family(), ViewSet::Of(Policy("v1"), 0)->Family());
}

TEST(ViewSet, OthersHaveNoneUnlessTheyAreDrawn) {
  EXPECT_FALSE(ViewSet::Of(Policy("v2"), 0));
  EXPECT_FALSE(ViewSet::Of(Policy("v3"), 0));
  EXPECT_EQ(Drawn(Policy("v2"), 4).count(), 4);
  EXPECT_EQ(Drawn(Policy("v3"), 64).count(), ViewSet::kMostDrawn);
}

TEST(ViewSet, AViewBelongsToItsPhotoAndNumber) {
  const ViewSet views = Drawn(Policy("v3"), 8);
  std::set<double> rotations;
  for (uint64_t photo = 0; photo < 50; ++photo) {
    for (int number = 0; number < 8; ++number) {
      const View view = views.At(photo, number);
      EXPECT_EQ(view, Drawn(Policy("v3"), 8).At(photo, number));
      rotations.insert(view.rotation_degrees);
    }
  }
  EXPECT_THAT(rotations, SizeIs(50 * 8)) << "no two are alike";
}

TEST(ViewSet, FewViewsAreTheFirstOfMany) {
  const ViewSet few = Drawn(Policy("v2"), 3), many = Drawn(Policy("v2"), 64);
  EXPECT_EQ(few.Family(), many.Family());
  EXPECT_EQ(few.FamilyCount(), many.count());
  for (int number = 0; number < 3; ++number) EXPECT_EQ(few.At(9, number), many.At(9, number));
}

// Over photos and numbers the views are spread as the policy's are.
TEST(ViewSet, DrawsAsThePolicySays) {
  const ViewSet views = Drawn(Policy("v2"), 10);
  double rotations = 0, squares = 0, least_zoom = 2, most_zoom = 0;
  int flips = 0;
  constexpr int kPhotos = 1000;
  for (uint64_t photo = 0; photo < kPhotos; ++photo) {
    for (int number = 0; number < 10; ++number) {
      const View view = views.At(photo, number);
      rotations += view.rotation_degrees;
      squares += view.rotation_degrees * view.rotation_degrees;
      least_zoom = std::min(least_zoom, view.zoom_x);
      most_zoom = std::max(most_zoom, view.zoom_y);
      flips += view.flip ? 1 : 0;
      EXPECT_EQ(view.shift_x, 0);
    }
  }
  constexpr double kViews = kPhotos * 10;
  // Uniform in +-15: deviation 8.66, of the mean of 10,000 0.087.
  EXPECT_NEAR(rotations / kViews, 0, 0.35);
  EXPECT_NEAR(std::sqrt(squares / kViews), 15 / std::sqrt(3), 0.2);
  EXPECT_NEAR(least_zoom, 0.8, 0.001);
  EXPECT_NEAR(most_zoom, 1.2, 0.001);
  EXPECT_NEAR(flips / kViews, 0.5, 0.02);
}

TEST(ViewSet, FamiliesAreOfPoliciesNotOfTheirNames) {
  std::vector<AugmentationPolicy> policies = {
      Policy("v2"),
      Policy("v3"),
      {.rotation_degrees = 15},
      {.width_shift = 0.15},
      {.zoom = 0.15},
      {.height_shift = 0.15},
      {.shear_degrees = 15},
      {.crop_scale = 0.15},
      {.brightness = 0.15},
      {.contrast = 0.15},
      {.erasing = 0.15},
      {.rotation_degrees = 15, .horizontal_flip = true},
  };
  std::set<std::string> families = {ViewSet::OfValidation(true).Family()};
  for (const AugmentationPolicy& policy : policies) families.insert(Drawn(policy, 4).Family());
  EXPECT_THAT(families, SizeIs(policies.size() + 1));
  const AugmentationPolicy custom{.rotation_degrees = 15, .zoom = 0.2, .horizontal_flip = true};
  EXPECT_EQ(Drawn(custom, 4).Family(), Drawn(Policy("v2"), 4).Family());
}

// Recorded when views were first drawn: caches on disk hold these. When it fails on purpose,
// Family() must change too.
TEST(ViewSet, IsWhatCachesHold) {
  const ViewSet views = Drawn(Policy("v3"), 64);
  EXPECT_EQ(views.Family(),
            "drawn views 1 0x1.ep+3 0x1.999999999999ap-3 0x1.999999999999ap-3 "
            "0x1.999999999999ap-3 0x1p+0 0x0p+0 0x1p+0 0x0p+0 0x0p+0 0x0p+0");
  const View view = views.At(0x0123456789abcdef, 63);
  EXPECT_DOUBLE_EQ(view.rotation_degrees, -2.5228220957835301);
  EXPECT_DOUBLE_EQ(view.shift_x, -0.18071602171824663);
  EXPECT_DOUBLE_EQ(view.shift_y, -0.12695196913894025);
  EXPECT_DOUBLE_EQ(view.zoom_x, 1.0941320530102034);
  EXPECT_DOUBLE_EQ(view.zoom_y, 1.0357168215475476);
  EXPECT_TRUE(view.flip);
}

}  // namespace
}  // namespace vizsla
