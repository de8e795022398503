#include "src/image/pixel_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "src/dataset/mix_pixels.h"
#include "src/image/decode.h"
#include "src/image/resize.h"
#include "tests/image/image_testing.h"

namespace vizsla {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

Preprocessing Tf() {
  Preprocessing preprocessing;
  preprocessing.scale = {1 / 127.5f, 1 / 127.5f, 1 / 127.5f};
  preprocessing.offset = {-1, -1, -1};
  return preprocessing;
}

class PixelSourceTest : public FolderTest {
 protected:
  PixelSourceOptions Options(const MemoryPhotos& photos, std::vector<uint32_t> positions) const {
    PixelSourceOptions options;
    options.index = &photos.index();
    options.reader = &photos;
    options.positions = std::move(positions);
    options.preprocessing = Tf();
    options.decode = {.cache_folder = Path("cache"),
                      .image_size = 16,
                      .threads = 2,
                      .progress = {},
                      .cancelled = {}};
    return options;
  }

  static std::unique_ptr<PixelSource> Open(const PixelSourceOptions& options) {
    auto source = OpenPixelSource(options);
    EXPECT_TRUE(source.ok()) << source.status();
    return source.ok() ? *std::move(source) : nullptr;
  }
};

TEST_F(PixelSourceTest, FillsPreprocessedPixelsOfTheAskedPhotos) {
  const MemoryPhotos photos(12);
  const auto source = Open(Options(photos, {7, 2, 9}));
  ASSERT_EQ(source->photo_count(), 3u);
  EXPECT_EQ(source->image_size(), 16);
  EXPECT_EQ(source->label(0), 1);
  EXPECT_EQ(source->label(1), 0);
  std::vector<float> pixels(2 * 3 * 256);
  const std::vector<PhotoView> views = {{1, {}}, {0, {.flip = true}}};
  ASSERT_TRUE(source->Fill(views, pixels.data()).ok());
  for (size_t v = 0; v < 2; ++v) {
    const Photo& photo = photos.index().photos[v == 0 ? 2 : 7];
    const cv::Mat expected = ResizeToSquare(*DecodePhoto(*photos.Read(photo)), 16);
    for (int row = 0; row < 16; ++row) {
      for (int column = 0; column < 16; ++column) {
        for (int c = 0; c < 3; ++c) {
          const int shown = v == 0 ? column : 15 - column;
          EXPECT_FLOAT_EQ(
              pixels[((v * 3 + static_cast<size_t>(c)) * 16 + static_cast<size_t>(row)) * 16 +
                     static_cast<size_t>(shown)],
              static_cast<float>(expected.at<cv::Vec3b>(row, column)[c]) * (1 / 127.5f) - 1);
        }
      }
    }
  }
}

TEST_F(PixelSourceTest, ReadsOnlyThePhotosThatWereAskedFor) {
  const MemoryPhotos photos(12);
  Open(Options(photos, {0, 1, 2}));
  EXPECT_EQ(photos.reads(), 3);
}

TEST_F(PixelSourceTest, LeavesOutBrokenPhotosAndSaysSo) {
  const MemoryPhotos photos(10, {4, 5});
  for (const bool cached : {true, false}) {
    PixelSourceOptions options = Options(photos, {5, 3, 4, 8});
    if (!cached) options.decode.cache_folder.clear();
    const auto source = Open(options);
    EXPECT_THAT(source->photo_positions(), ElementsAre(3, 8));
    EXPECT_EQ(source->label(0), 1);
    ASSERT_THAT(source->broken(), SizeIs(2));
    EXPECT_EQ(source->broken()[0].place, "5");
    EXPECT_THAT(source->broken()[0].reason, HasSubstr("cut off or damaged"));
    std::vector<float> pixels(3 * 256);
    const std::vector<PhotoView> views = {{1, {}}};
    ASSERT_TRUE(source->Fill(views, pixels.data()).ok());
    const cv::Mat expected =
        ResizeToSquare(*DecodePhoto(*photos.Read(photos.index().photos[8])), 16);
    EXPECT_FLOAT_EQ(pixels[0],
                    static_cast<float>(expected.at<cv::Vec3b>(0, 0)[0]) * (1 / 127.5f) - 1);
  }
}

TEST_F(PixelSourceTest, DigestNamesWhatIsFilled) {
  const MemoryPhotos photos(10, {4});
  PixelSourceOptions options = Options(photos, {1, 2, 3});
  const std::string digest = Open(options)->content_digest();
  EXPECT_TRUE(IsSha256Hex(digest));
  PixelSourceOptions in_memory = options;
  in_memory.decode.cache_folder.clear();
  EXPECT_EQ(Open(in_memory)->content_digest(), digest);
  EXPECT_EQ(Open(Options(photos, {1, 4, 2, 3}))->content_digest(), digest)
      << "a broken photo fills nothing";
  EXPECT_NE(Open(Options(photos, {2, 1, 3}))->content_digest(), digest);
  PixelSourceOptions bgr = options;
  bgr.preprocessing.bgr = true;
  EXPECT_NE(Open(bgr)->content_digest(), digest);
  PixelSourceOptions larger = options;
  larger.decode.image_size = 17;
  EXPECT_NE(Open(larger)->content_digest(), digest);
}

TEST_F(PixelSourceTest, APhotoIsTheSameInEverySource) {
  const MemoryPhotos photos(4);
  const auto all = Open(Options(photos, {1, 2, 3}));
  const auto other = Open(Options(photos, {3, 1}));
  EXPECT_EQ(all->photo_identity(2), other->photo_identity(0));
  EXPECT_EQ(all->photo_identity(0), other->photo_identity(1));
  EXPECT_NE(all->photo_identity(0), all->photo_identity(1));
  EXPECT_EQ(all->photo_identity(0),
            std::stoull(photos.index().photos[1].sha256.substr(0, 16), nullptr, 16));
}

TEST_F(PixelSourceTest, UnlabelledPhotosAreCachedOnceTheyAreHashed) {
  const MemoryPhotos photos(8, {6});
  DatasetIndex index = photos.index();
  index.unlabelled.assign(index.photos.begin() + 5, index.photos.end());
  for (Photo& photo : index.unlabelled) photo.label = -1;
  DatasetIndex unhashed = index;
  for (Photo& photo : unhashed.unlabelled) photo.sha256.clear();
  PixelSourceOptions options = Options(photos, {0, 1, 2});
  options.unlabelled = true;

  options.index = &unhashed;
  EXPECT_THAT(OpenPixelSource(options).status().ToString(), HasSubstr("5: was not hashed"));
  options.decode.cache_folder.clear();
  const auto in_memory = Open(options);

  options.index = &index;
  options.decode.cache_folder = Path("cache");
  const auto cached = Open(options);
  EXPECT_THAT(cached->photo_positions(), ElementsAre(0, 2));
  EXPECT_EQ(cached->label(1), -1);
  EXPECT_THAT(cached->broken(), SizeIs(1));
  EXPECT_EQ(cached->content_digest(), in_memory->content_digest());
  const int reads = photos.reads();
  EXPECT_EQ(Open(options)->photo_count(), 2u);
  EXPECT_EQ(photos.reads(), reads) << "the next rank decodes nothing";
}

TEST_F(PixelSourceTest, FillsFromSeveralThreads) {
  const MemoryPhotos photos(40);
  std::vector<uint32_t> positions(40);
  for (uint32_t i = 0; i < 40; ++i) positions[i] = i;
  const auto source = Open(Options(photos, positions));
  std::vector<PhotoView> views;
  for (uint32_t i = 0; i < 40; ++i)
    views.push_back({i, {.flip = i % 2 == 0, .rotation_degrees = i * 0.5}});
  std::vector<std::vector<float>> results(4, std::vector<float>(40 * 3 * 256));
  {
    std::vector<std::jthread> threads;
    for (auto& result : results) {
      threads.emplace_back([&] { EXPECT_TRUE(source->Fill(views, result.data()).ok()); });
    }
  }
  for (const auto& result : results) EXPECT_EQ(result, results[0]);
}

// Rows of a global batch of 6, each mixed with the row before it.
std::vector<PhotoView> MixedBatch(const BatchMix& mix) {
  std::vector<PhotoView> batch;
  for (uint32_t i = 0; i < 6; ++i) {
    batch.push_back({i, {.flip = i % 2 == 0, .rotation_degrees = i * 3.0, .contrast = 1.2}});
  }
  const std::vector<PhotoView> unmixed = batch;
  for (size_t row = 0; row < batch.size(); ++row) {
    const PhotoView& partner = unmixed[MixPartner(row, batch.size())];
    batch[row].mixed_in = MixedIn{.photo = partner.photo, .view = partner.view, .mix = mix};
  }
  return batch;
}

TEST_F(PixelSourceTest, MixesRowsWithTheirPartners) {
  const MemoryPhotos photos(6);
  const auto source = Open(Options(photos, {0, 1, 2, 3, 4, 5}));
  constexpr size_t kPhotoFloats = 3 * 256;
  for (const BatchMix& mix : {BatchMix{.weight = 0.3},
                              BatchMix{.weight = 0.75, .is_cutmix = true, .box = {4, 2, 12, 10}}}) {
    std::vector<PhotoView> batch = MixedBatch(mix);
    batch[3].mixed_in->view.zoom_x = 1.3;  // the row above's photo, but not its view
    std::vector<float> mixed(batch.size() * kPhotoFloats);
    ASSERT_TRUE(source->Fill(batch, mixed.data()).ok());
    for (size_t row = 0; row < batch.size(); ++row) {
      std::vector<float> own(kPhotoFloats);
      std::vector<float> partner(kPhotoFloats);
      const std::vector<PhotoView> alone = {{batch[row].photo, batch[row].view}};
      const std::vector<PhotoView> before = {
          {batch[row].mixed_in->photo, batch[row].mixed_in->view}};
      ASSERT_TRUE(source->Fill(alone, own.data()).ok());
      ASSERT_TRUE(source->Fill(before, partner.data()).ok());
      MixPixels(mix, 16, partner, own);
      EXPECT_EQ(
          std::vector<float>(&mixed[row * kPhotoFloats], &mixed[row * kPhotoFloats] + kPhotoFloats),
          own)
          << "row " << row;
    }
  }
}

TEST_F(PixelSourceTest, AMixedRowIsTheSameOnWhicheverRankItIs) {
  const MemoryPhotos photos(6);
  const auto source = Open(Options(photos, {0, 1, 2, 3, 4, 5}));
  const std::vector<PhotoView> batch = MixedBatch({.weight = 0.6});
  constexpr size_t kPhotoFloats = 3 * 256;
  std::vector<float> together(6 * kPhotoFloats);
  ASSERT_TRUE(source->Fill(batch, together.data()).ok());
  for (const size_t ranks : {2, 3, 6}) {
    std::vector<float> apart(6 * kPhotoFloats);
    const size_t rows = 6 / ranks;
    for (size_t rank = 0; rank < ranks; ++rank) {
      ASSERT_TRUE(source
                      ->Fill(std::span(batch).subspan(rank * rows, rows),
                             &apart[rank * rows * kPhotoFloats])
                      .ok());
    }
    EXPECT_EQ(apart, together) << ranks << " ranks";
  }
}

TEST_F(PixelSourceTest, RefusesWhatItDoesNotHave) {
  const MemoryPhotos photos(3, {0, 1});
  EXPECT_EQ(OpenPixelSource(Options(photos, {7})).status().code(), absl::StatusCode::kOutOfRange);
  const auto none = OpenPixelSource(Options(photos, {0, 1}));
  EXPECT_EQ(none.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(none.status().message()),
              HasSubstr("none of 2 photos can be decoded; the first is 0: the JPEG is cut off"));
  const auto source = Open(Options(photos, {2}));
  std::vector<float> pixels(3 * 256);
  const std::vector<PhotoView> views = {{1, {}}};
  EXPECT_EQ(source->Fill(views, pixels.data()).code(), absl::StatusCode::kOutOfRange);
  const std::vector<PhotoView> partner = {{.photo = 0, .mixed_in = MixedIn{.photo = 1}}};
  EXPECT_EQ(source->Fill(partner, pixels.data()).code(), absl::StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace vizsla
