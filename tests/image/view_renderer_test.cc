#include "src/image/view_renderer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <vector>

#include "tests/image/image_testing.h"

namespace vizsla {
namespace {

constexpr int kSize = 47;
constexpr size_t kPlane = static_cast<size_t>(kSize) * kSize;

Preprocessing Identity() {
  Preprocessing preprocessing;
  preprocessing.name = "identity";
  preprocessing.scale = {1, 1, 1};
  return preprocessing;
}

std::vector<uint8_t> PhotoBytes() {
  const cv::Mat photo = MadePhoto(kSize, kSize, 9);
  return {photo.data, photo.data + kPlane * 3};
}

class ViewRendererTest : public FolderTest {};

TEST_F(ViewRendererTest, AgreesWithKerasDefinition) {
  if (!HasPythonModules("numpy, scipy")) GTEST_SKIP() << "python3-scipy is not installed";
  const std::vector<uint8_t> photo = PhotoBytes();
  std::vector<View> views;
  views.push_back({});
  views.push_back({.flip = true});
  views.push_back({.rotation_degrees = 15});
  views.push_back({.shift_x = 0.2});
  views.push_back({.shift_y = -0.13});
  views.push_back({.zoom_x = 0.8});
  views.push_back({.zoom_y = 1.2});
  RandomStream stream(StreamKey(5).With("views"));
  for (int i = 0; i < 60; ++i) {
    views.push_back({.flip = stream.Bernoulli(0.5),
                     .rotation_degrees = stream.Uniform(-15, 15),
                     .shift_x = stream.Uniform(-0.2, 0.2),
                     .shift_y = stream.Uniform(-0.2, 0.2),
                     .zoom_x = stream.Uniform(0.8, 1.2),
                     .zoom_y = stream.Uniform(0.8, 1.2)});
  }
  std::ofstream(Path("photo.raw"), std::ios::binary)
      .write(reinterpret_cast<const char*>(photo.data()),
             static_cast<std::streamsize>(photo.size()));
  std::ofstream text(Path("views.txt"));
  text.precision(17);
  // Keras' names: tx and zx belong to the rows, ty and zy to the columns.
  for (const View& view : views) {
    text << view.flip << " " << view.rotation_degrees << " " << view.shift_y << " " << view.shift_x
         << " " << view.zoom_y << " " << view.zoom_x << "\n";
  }
  text.close();
  RunPython("keras_reference.py", Path("") + " " + std::to_string(kSize));
  const std::string bytes = Bytes(Path("expected.f32"));
  ASSERT_EQ(bytes.size(), views.size() * kPlane * 3 * sizeof(float));
  const auto* expected = reinterpret_cast<const float*>(bytes.data());

  const ViewRenderer renderer(Identity(), kSize);
  std::vector<float> planes(kPlane * 3);
  for (size_t v = 0; v < views.size(); ++v) {
    renderer.Render(photo, views[v], planes.data());
    float largest = 0;
    for (size_t i = 0; i < kPlane; ++i) {
      for (size_t c = 0; c < 3; ++c) {
        largest = std::max(largest,
                           std::abs(planes[c * kPlane + i] - expected[(v * kPlane + i) * 3 + c]));
      }
    }
    EXPECT_LT(largest, 1e-3) << "view " << v << ", of values up to 255";
  }
}

TEST_F(ViewRendererTest, PreprocessingOfEveryByteAndChannel) {
  // Photo of one row of 3 pixels would not be square: 16x16 holds all 256 bytes.
  constexpr int kSide = 16;
  std::vector<uint8_t> photo(kSide * kSide * 3);
  for (size_t i = 0; i < 256; ++i) {
    photo[i * 3] = static_cast<uint8_t>(i);
    photo[i * 3 + 1] = static_cast<uint8_t>(255 - i);
    photo[i * 3 + 2] = static_cast<uint8_t>(i ^ 0x55);
  }
  Preprocessing preprocessing;
  preprocessing.scale = {1 / 127.5f, 0.5f, 2.0f};
  preprocessing.offset = {-1, 3, -100};
  for (const bool bgr : {false, true}) {
    preprocessing.bgr = bgr;
    const ViewRenderer renderer(preprocessing, kSide);
    for (const View& view : {View{}, View{.flip = true}, View{.zoom_x = 1.0 + 1e-12}}) {
      std::vector<float> planes(kSide * kSide * 3);
      renderer.Render(photo, view, planes.data());
      for (size_t i = 0; i < 256; ++i) {
        const size_t column = view.flip ? kSide - 1 - i % kSide : i % kSide;
        for (size_t plane = 0; plane < 3; ++plane) {
          const float byte = photo[i * 3 + (bgr ? 2 - plane : plane)];
          EXPECT_NEAR(planes[plane * 256 + i / kSide * kSide + column],
                      byte * preprocessing.scale[plane] + preprocessing.offset[plane], 1e-4);
        }
      }
    }
  }
}

TEST_F(ViewRendererTest, APlainViewIsExactAndItsMapIsTheIdentity) {
  EXPECT_TRUE(KerasMap({}, 160).IsIdentity());
  EXPECT_TRUE(KerasMap({.flip = true}, 160).IsIdentity());
  EXPECT_FALSE(KerasMap({.shift_x = 0.01}, 160).IsIdentity());
}

}  // namespace
}  // namespace vizsla
