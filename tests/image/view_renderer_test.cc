#include "src/image/view_renderer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
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

Preprocessing Tf() {
  Preprocessing preprocessing;
  preprocessing.scale = {1 / 127.5f, 1 / 127.5f, 1 / 127.5f};
  preprocessing.offset = {-1, -1, -1};
  return preprocessing;
}

using Planes = std::vector<float>;

Planes Rendered(const Preprocessing& preprocessing, const std::vector<uint8_t>& photo,
                const View& view) {
  Planes planes(kPlane * 3);
  ViewRenderer(preprocessing, kSize).Render(photo, view, planes.data());
  return planes;
}

// A box whose edges lie between pixels.
ViewBox BoxOfPixels(int top, int left, int height, int width) {
  return {static_cast<double>(top) / kSize, static_cast<double>(left) / kSize,
          static_cast<double>(height) / kSize, static_cast<double>(width) / kSize};
}

float LargestDifference(const Planes& some, const Planes& others) {
  EXPECT_EQ(some.size(), others.size());
  float largest = 0;
  for (size_t i = 0; i < some.size(); ++i) {
    largest = std::max(largest, std::abs(some[i] - others[i]));
  }
  return largest;
}

class ViewRendererTest : public FolderTest {
 protected:
  // What torchvision_reference.py makes of each picture by its line.
  std::vector<Planes> Torchvision(const std::string& step, const std::vector<Planes>& before,
                                  const std::string& lines) const {
    std::ofstream file(Path("before.f32"), std::ios::binary);
    for (const Planes& planes : before) {
      file.write(reinterpret_cast<const char*>(planes.data()),
                 static_cast<std::streamsize>(planes.size() * sizeof(float)));
    }
    file.close();
    std::ofstream(Path("views.txt")) << lines;
    RunPython("torchvision_reference.py", Path("") + " " + std::to_string(kSize) + " " + step);
    const std::string bytes = Bytes(Path("after.f32"));
    EXPECT_EQ(bytes.size(), before.size() * kPlane * 3 * sizeof(float));
    const auto* floats = reinterpret_cast<const float*>(bytes.data());
    std::vector<Planes> after;
    for (size_t i = 0; i < bytes.size() / (kPlane * 3 * sizeof(float)); ++i) {
      after.emplace_back(floats + i * kPlane * 3, floats + (i + 1) * kPlane * 3);
    }
    return after;
  }
};

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
  views.push_back({.shear_degrees = 20});
  views.push_back({.zoom_x = 0.9, .zoom_y = 1.1, .shear_degrees = -35});
  RandomStream stream(StreamKey(5).With("views"));
  for (int i = 0; i < 60; ++i) {
    views.push_back({.flip = stream.Bernoulli(0.5),
                     .rotation_degrees = stream.Uniform(-15, 15),
                     .shift_x = stream.Uniform(-0.2, 0.2),
                     .shift_y = stream.Uniform(-0.2, 0.2),
                     .zoom_x = stream.Uniform(0.8, 1.2),
                     .zoom_y = stream.Uniform(0.8, 1.2),
                     .shear_degrees = i % 2 == 0 ? 0 : stream.Uniform(-25, 25)});
  }
  std::ofstream(Path("photo.raw"), std::ios::binary)
      .write(reinterpret_cast<const char*>(photo.data()),
             static_cast<std::streamsize>(photo.size()));
  std::ofstream text(Path("views.txt"));
  text.precision(17);
  // Keras' names: tx and zx belong to the rows, ty and zy to the columns.
  for (const View& view : views) {
    text << view.flip << " " << view.rotation_degrees << " " << view.shift_y << " " << view.shift_x
         << " " << view.shear_degrees << " " << view.zoom_y << " " << view.zoom_x << "\n";
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

TEST_F(ViewRendererTest, CropsAreTorchvisionsInsideTheCrop) {
  if (!HasPythonModules("torchvision")) GTEST_SKIP() << "python3-torchvision is not installed";
  const std::vector<uint8_t> photo = PhotoBytes();
  const Planes plain = Rendered(Identity(), photo, {});
  std::vector<View> views;
  std::ostringstream lines;
  RandomStream stream(StreamKey(6).With("crops"));
  for (int i = 0; i < 30; ++i) {
    const int height = 12 + static_cast<int>(stream.UniformInt(kSize - 11));
    const int width = 12 + static_cast<int>(stream.UniformInt(kSize - 11));
    const int top = static_cast<int>(stream.UniformInt(static_cast<uint64_t>(kSize - height + 1)));
    const int left = static_cast<int>(stream.UniformInt(static_cast<uint64_t>(kSize - width + 1)));
    views.push_back({.flip = i % 2 == 1, .crop = BoxOfPixels(top, left, height, width)});
    lines << top << " " << left << " " << height << " " << width << " " << i % 2 << "\n";
  }
  const auto expected = Torchvision("crop", std::vector<Planes>(views.size(), plain), lines.str());
  ASSERT_EQ(expected.size(), views.size());
  for (size_t v = 0; v < views.size(); ++v) {
    const Planes planes = Rendered(Identity(), photo, views[v]);
    // Where torchvision repeats the crop's edge, its position being outside the crop's pixels'
    // centres, a view reads on into the photo.
    const auto is_inside = [](int position, double share) {
      const double source = (position + 0.5) * share - 0.5;
      return source >= 0 && source <= share * kSize - 1;
    };
    size_t compared = 0;
    float largest = 0;
    for (size_t i = 0; i < planes.size(); ++i) {
      const int row = static_cast<int>(i % kPlane) / kSize;
      const int column = static_cast<int>(i % kPlane) % kSize;
      if (!is_inside(row, views[v].crop.height) || !is_inside(column, views[v].crop.width))
        continue;
      ++compared;
      largest = std::max(largest, std::abs(planes[i] - expected[v][i]));
    }
    EXPECT_LT(largest, 1e-3) << "view " << v;
    EXPECT_GT(compared, planes.size() * 4 / 5);
  }
}

TEST_F(ViewRendererTest, TheCropIsOfTheTransformedPhoto) {
  const View view = {.rotation_degrees = 12,
                     .shift_y = 0.1,
                     .zoom_x = 0.9,
                     .shear_degrees = 5,
                     .crop = {.top = 0.3, .left = 0.1, .height = 0.5, .width = 0.6}};
  const AffineMap keras = KerasMap(view, kSize);
  const AffineMap map = ViewMap(view, kSize);
  for (const double row : {0.0, 11.0, 46.0}) {
    for (const double column : {0.0, 30.0, 46.0}) {
      // Where resized_crop reads in the transformed photo.
      const double y = 0.3 * kSize + (row + 0.5) * 0.5 - 0.5;
      const double x = 0.1 * kSize + (column + 0.5) * 0.6 - 0.5;
      for (size_t i = 0; i < 2; ++i) {
        EXPECT_NEAR(map.matrix[i][0] * row + map.matrix[i][1] * column + map.offset[i],
                    keras.matrix[i][0] * y + keras.matrix[i][1] * x + keras.offset[i], 1e-9);
      }
    }
  }
}

TEST_F(ViewRendererTest, ColoursAndErasedBoxesAreTorchvisionsAfterTheMap) {
  if (!HasPythonModules("torchvision")) GTEST_SKIP() << "python3-torchvision is not installed";
  const std::vector<uint8_t> photo = PhotoBytes();
  std::vector<View> views = {{.brightness = 1.6},
                             {.brightness = 0},
                             {.contrast = 0.4},
                             {.contrast = 0},
                             {.contrast = 1.9},
                             {.erased = BoxOfPixels(3, 40, 20, 7)},
                             {.erased = BoxOfPixels(0, 0, kSize, 1)}};
  RandomStream stream(StreamKey(7).With("colours"));
  for (int i = 0; i < 30; ++i) {
    const int height = static_cast<int>(stream.UniformInt(20));
    const int top = static_cast<int>(stream.UniformInt(27));
    views.push_back({.flip = i % 2 == 0,
                     .rotation_degrees = i % 3 == 0 ? 0 : stream.Uniform(-15, 15),
                     .crop = {.top = 0.1, .left = 0.05, .height = 0.8, .width = 0.9},
                     .brightness = stream.Uniform(0.4, 1.6),
                     .contrast = stream.Uniform(0.4, 1.6),
                     .erased = BoxOfPixels(top, 5, height, 2 * height)});
  }
  std::vector<Planes> mapped;
  std::ostringstream lines;
  lines.precision(17);
  for (const View& view : views) {
    View only_mapped = view;
    only_mapped.brightness = 1;
    only_mapped.contrast = 1;
    only_mapped.erased = {};
    mapped.push_back(Rendered(Identity(), photo, only_mapped));
    lines << view.brightness << " " << view.contrast;
    for (const double edge :
         {view.erased.top, view.erased.left, view.erased.height, view.erased.width}) {
      lines << " " << std::lround(edge * kSize);
    }
    lines << "\n";
  }
  const auto expected = Torchvision("finish", mapped, lines.str());
  ASSERT_EQ(expected.size(), views.size());
  Preprocessing bgr = Tf();
  bgr.bgr = true;
  for (size_t v = 0; v < views.size(); ++v) {
    EXPECT_LT(LargestDifference(Rendered(Tf(), photo, views[v]), expected[v]), 2e-5)
        << "view " << v << ", of values up to 1";
    // Grey weighs red as red wherever its plane lies.
    Planes planes = Rendered(bgr, photo, views[v]);
    std::swap_ranges(planes.begin(), planes.begin() + kPlane, planes.begin() + 2 * kPlane);
    EXPECT_LT(LargestDifference(planes, expected[v]), 2e-5) << "view " << v << ", BGR";
  }
}

TEST_F(ViewRendererTest, ErasedEdgesAreRoundedToTheNearestPixel) {
  const std::vector<uint8_t> photo(kPlane * 3, 200);
  // Rows 10.4 to 20.6 and columns 0.6 to 5.4.
  const View view = {
      .erased = {
          .top = 10.4 / kSize, .left = 0.6 / kSize, .height = 10.2 / kSize, .width = 4.8 / kSize}};
  const Planes planes = Rendered(Identity(), photo, view);
  for (size_t i = 0; i < planes.size(); ++i) {
    const size_t row = i % kPlane / kSize;
    const size_t column = i % kPlane % kSize;
    const bool erased = row >= 10 && row < 21 && column >= 1 && column < 5;
    ASSERT_EQ(planes[i], erased ? 0.0f : 200.0f) << row << " " << column;
  }
}

TEST_F(ViewRendererTest, APlainViewIsExactAndItsMapIsTheIdentity) {
  EXPECT_TRUE(KerasMap({}, 160).IsIdentity());
  EXPECT_TRUE(KerasMap({.flip = true}, 160).IsIdentity());
  EXPECT_FALSE(KerasMap({.shift_x = 0.01}, 160).IsIdentity());
  EXPECT_FALSE(KerasMap({.shear_degrees = 1}, 160).IsIdentity());
  EXPECT_TRUE(ViewMap({.contrast = 1.1, .erased = {0, 0, 1, 1}}, 160).IsIdentity());
  EXPECT_FALSE(ViewMap({.crop = {0, 0, 1, 0.9}}, 160).IsIdentity());
}

}  // namespace
}  // namespace vizsla
