// On the real photos of ../shared/data (or VIZSLA_REAL_DATA), straight from the zip.
#include <gtest/gtest.h>

#include <cstdio>

#include "src/dataset/split.h"
#include "src/image/decode.h"
#include "src/image/pixel_source.h"
#include "tests/image/image_testing.h"

namespace vizsla {
namespace {

constexpr size_t kPhotos = 300;

class RealPhotosTest : public FolderTest {
 protected:
  void SetUp() override {
    FolderTest::SetUp();
    const char* folder = std::getenv("VIZSLA_REAL_DATA");
    zip_ = std::string(folder != nullptr ? folder : VIZSLA_SOURCE_DIR "/../shared/data") +
           "/dog-breeds.zip";
    if (!std::filesystem::exists(zip_)) {
      GTEST_SKIP() << "no real photos at " << zip_ << "; set VIZSLA_REAL_DATA to their folder";
    }
    index_ = *IndexDataset(zip_);
    reader_ = *OpenPhotos(zip_);
  }

  std::string zip_;
  DatasetIndex index_;
  std::unique_ptr<PhotoReader> reader_;
};

TEST_F(RealPhotosTest, DecodeToWhatPilReads) {
  if (!HasPythonModules("PIL")) GTEST_SKIP() << "python3-pil is not installed";
  Sha256 hash;
  for (size_t i = 0; i < kPhotos; ++i) {
    const auto picture = DecodePhoto(*reader_->Read(index_.photos[i]));
    ASSERT_TRUE(picture.ok()) << index_.photos[i].path << ": " << picture.status();
    hash.Update({reinterpret_cast<const char*>(picture->data), picture->total() * 3});
  }
  RunPython("real_photos.py", zip_ + " " + std::to_string(kPhotos) + " > " + Path("digest"));
  EXPECT_EQ(hash.FinishHex() + "\n", Bytes(Path("digest")));
}

TEST_F(RealPhotosTest, ValidationSideOpensWhole) {
  const auto split = MakeSplit(index_, {}, nullptr);
  ASSERT_TRUE(split.ok());
  PixelSourceOptions options;
  options.index = &index_;
  options.reader = reader_.get();
  options.positions = *Positions(index_, split->validation);
  options.preprocessing.scale = {1, 1, 1};
  options.decode = {.cache_folder = Path("cache"), .image_size = 160, .threads = 2, .progress = {}};
  const auto source = OpenPixelSource(options);
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ((*source)->photo_count(), 736u);
  EXPECT_TRUE((*source)->broken().empty());
  std::vector<float> pixels(3 * 160 * 160);
  const std::vector<PhotoView> views = {{735, {}}};
  ASSERT_TRUE((*source)->Fill(views, pixels.data()).ok());
  double sum = 0;
  for (const float value : pixels) sum += value;
  EXPECT_GT(sum / static_cast<double>(pixels.size()), 10);
  EXPECT_LT(sum / static_cast<double>(pixels.size()), 245);
}

}  // namespace
}  // namespace vizsla
