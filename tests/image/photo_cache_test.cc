#include "src/image/photo_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <new>

#include "tests/image/image_testing.h"

namespace vizsla {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr int kPhotos = 200;  // four shards, the last not full
constexpr int kImageSize = 24;

std::string PixelsOf(const DecodedPhotos& photos) {
  std::string all;
  for (uint32_t i = 0; i < photos.photo_count(); ++i) {
    all.append(reinterpret_cast<const char*>(photos.pixels(i).data()), photos.pixels(i).size());
  }
  return all;
}

class PhotoCacheTest : public FolderTest {
 protected:
  DecodeOptions Options(int threads = 2) const {
    return {.cache_folder = Path("cache"),
            .image_size = kImageSize,
            .threads = threads,
            .progress = {}};
  }

  static std::unique_ptr<DecodedPhotos> Open(const MemoryPhotos& photos,
                                             const DecodeOptions& options) {
    auto decoded = DecodedPhotos::Open(photos.photos(), photos, options);
    EXPECT_TRUE(decoded.ok()) << decoded.status();
    return decoded.ok() ? *std::move(decoded) : nullptr;
  }

  static std::string InMemory(const MemoryPhotos& photos) {
    return PixelsOf(*Open(
        photos, {.cache_folder = "", .image_size = kImageSize, .threads = 2, .progress = {}}));
  }

  std::string CacheFile(const std::string& ending) const {
    for (const auto& file : std::filesystem::recursive_directory_iterator(Path("cache"))) {
      if (file.path().string().ends_with(ending)) return file.path().string();
    }
    ADD_FAILURE() << "no file " << ending;
    return "";
  }

  // Runs `work` in a child process; its exit status.
  template <typename Work>
  static pid_t Fork(const Work& work) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(work());
    return child;
  }
  static int WaitFor(pid_t child) {
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return status;
  }
};

TEST_F(PhotoCacheTest, HoldsWhatDecodingGivesAndIsReadAgainWithoutDecoding) {
  const MemoryPhotos photos(kPhotos);
  const std::string expected = InMemory(photos);
  EXPECT_EQ(expected.size(), DecodedBytes(kPhotos, kImageSize));
  const int before = photos.reads();
  EXPECT_EQ(PixelsOf(*Open(photos, Options())), expected);
  EXPECT_EQ(photos.reads() - before, kPhotos);
  EXPECT_EQ(PixelsOf(*Open(photos, Options())), expected);
  EXPECT_EQ(photos.reads() - before, kPhotos) << "nothing is decoded twice";
}

TEST_F(PhotoCacheTest, ProgressCountsEveryPhotoOnce) {
  const MemoryPhotos photos(kPhotos);
  for (int round = 0; round < 2; ++round) {
    size_t last = 0;
    DecodeOptions options = Options();
    options.progress = [&](size_t done, size_t total) {
      EXPECT_GT(done, last);
      EXPECT_EQ(total, static_cast<size_t>(kPhotos));
      last = done;
    };
    Open(photos, options);
    EXPECT_EQ(last, static_cast<size_t>(kPhotos));
  }
}

TEST_F(PhotoCacheTest, BrokenPhotosAreStoredWithTheCache) {
  const MemoryPhotos photos(kPhotos, {3, 70, 199});
  for (int round = 0; round < 2; ++round) {
    const auto decoded = Open(photos, Options());
    ASSERT_THAT(decoded->broken(), SizeIs(3));
    EXPECT_EQ(decoded->broken()[1].photo, 70u);
    EXPECT_EQ(decoded->broken()[1].problem.place, "70");
    EXPECT_THAT(decoded->broken()[1].problem.reason, HasSubstr("the JPEG is cut off or damaged"));
    EXPECT_EQ(PixelsOf(*decoded), InMemory(photos));
  }
}

TEST_F(PhotoCacheTest, OtherPhotosOrdersAndSizesHaveCachesOfTheirOwn) {
  const MemoryPhotos photos(10);
  Open(photos, Options());
  DecodeOptions larger = Options();
  larger.image_size = 32;
  EXPECT_EQ(Open(photos, larger)->pixels(0).size(), 32u * 32 * 3);
  std::vector<const Photo*> reversed = photos.photos();
  std::reverse(reversed.begin(), reversed.end());
  const int before = photos.reads();
  ASSERT_TRUE(DecodedPhotos::Open(reversed, photos, Options()).ok());
  EXPECT_EQ(photos.reads() - before, 10);
}

TEST_F(PhotoCacheTest, TwoProcessesShareOneFill) {
  const MemoryPhotos photos(kPhotos, {42});
  const std::string expected = InMemory(photos);
  const int before = photos.reads();
  std::vector<pid_t> children;
  for (int child = 0; child < 3; ++child) {
    children.push_back(Fork([&] {
      const auto decoded = Open(photos, Options());
      std::ofstream(Path("reads" + std::to_string(child))) << photos.reads() - before;
      return decoded != nullptr && PixelsOf(*decoded) == expected && decoded->broken().size() == 1
                 ? 0
                 : 1;
    }));
  }
  int reads = 0;
  for (int child = 0; child < 3; ++child) {
    EXPECT_EQ(WaitFor(children[static_cast<size_t>(child)]), 0) << child;
    reads += std::stoi(Bytes(Path("reads" + std::to_string(child))));
  }
  EXPECT_EQ(reads, kPhotos) << "each photo is decoded by one of them";
}

TEST_F(PhotoCacheTest, TheShardOfAKilledProcessIsReclaimed) {
  const MemoryPhotos photos(kPhotos);
  const std::string expected = InMemory(photos);
  const int status = WaitFor(Fork([&] {
    DecodeOptions options = Options(1);
    options.progress = [](size_t done, size_t) {
      if (done == 150) ::raise(SIGKILL);  // in the middle of the third shard
    };
    Open(photos, options);
    return 0;
  }));
  ASSERT_TRUE(WIFSIGNALED(status));
  const int before = photos.reads();
  EXPECT_EQ(PixelsOf(*Open(photos, Options())), expected);
  EXPECT_EQ(photos.reads() - before, kPhotos - 128) << "two whole shards are kept";
}

TEST_F(PhotoCacheTest, AWaitingProcessTakesOverFromOneThatIsKilled) {
  const MemoryPhotos photos(kPhotos);
  const std::string expected = InMemory(photos);
  const pid_t stuck = Fork([&] {
    DecodeOptions options = Options(1);
    options.progress = [&](size_t done, size_t) {
      if (done != 10) return;
      std::ofstream(Path("stuck")) << "now";
      ::pause();
    };
    Open(photos, options);
    return 0;
  });
  while (!std::filesystem::exists(Path("stuck"))) ::usleep(1000);
  const pid_t waiting = Fork([&] {
    const auto decoded = Open(photos, Options());
    return decoded != nullptr && PixelsOf(*decoded) == expected ? 0 : 1;
  });
  ::usleep(200'000);
  int status = 0;
  EXPECT_EQ(::waitpid(waiting, &status, WNOHANG), 0)
      << "it waits for the shard that is being filled";
  ::kill(stuck, SIGKILL);
  WaitFor(stuck);
  EXPECT_EQ(WaitFor(waiting), 0);
}

TEST_F(PhotoCacheTest, ATruncatedFileIsRebuilt) {
  const MemoryPhotos photos(kPhotos);
  const std::string expected = PixelsOf(*Open(photos, Options()));
  for (const size_t kept : {expected.size() / 2, expected.size() - 1, size_t{0}}) {
    std::filesystem::resize_file(CacheFile("pixels.u8"), kept);
    EXPECT_EQ(PixelsOf(*Open(photos, Options())), expected) << kept;
  }
  // Cut and grown again by somebody: the size is right, the pixels are not.
  std::filesystem::resize_file(CacheFile("pixels.u8"), expected.size() / 2);
  std::filesystem::resize_file(CacheFile("pixels.u8"), expected.size());
  const int before = photos.reads();
  EXPECT_EQ(PixelsOf(*Open(photos, Options())), expected);
  EXPECT_EQ(photos.reads() - before, kPhotos - 64) << "only the shards that were hit";
}

TEST_F(PhotoCacheTest, ADamagedMarkCostsOneShard) {
  const MemoryPhotos photos(kPhotos);
  const std::string expected = PixelsOf(*Open(photos, Options()));
  const std::string mark = Bytes(CacheFile("00001.done"));
  for (const std::string& bad : {std::string(), std::string("{}"), mark.substr(0, mark.size() / 2),
                                 Bytes(CacheFile("00000.done"))}) {
    std::ofstream(CacheFile("00001.done")) << bad;
    const int before = photos.reads();
    EXPECT_EQ(PixelsOf(*Open(photos, Options())), expected);
    EXPECT_EQ(photos.reads() - before, 64);
    EXPECT_EQ(Bytes(CacheFile("00001.done")), mark);
  }
}

TEST_F(PhotoCacheTest, AFullDiskIsASentence) {
  const MemoryPhotos photos(kPhotos);
  const int status = WaitFor(Fork([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100'000, 100'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto decoded = DecodedPhotos::Open(photos.photos(), photos, Options());
    const bool right = decoded.status().code() == absl::StatusCode::kResourceExhausted &&
                       std::string(decoded.status().message()).find("photo cache: ") == 0;
    if (!right) std::fprintf(stderr, "%s\n", decoded.status().ToString().c_str());
    return right ? 0 : 1;
  }));
  EXPECT_EQ(status, 0);
  EXPECT_EQ(PixelsOf(*Open(photos, Options())), InMemory(photos)) << "nothing in the way remains";
}

TEST_F(PhotoCacheTest, AChangedPhotoIsNoticed) {
  MemoryPhotos photos(20);
  photos.Replace(7, Encoded(MadePhoto(30, 30, 99), ".jpg"));
  const auto decoded = DecodedPhotos::Open(photos.photos(), photos, Options());
  EXPECT_EQ(decoded.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(std::string(decoded.status().message()),
            "7: the file has changed since the data set was indexed");
}

TEST_F(PhotoCacheTest, RefusesNothingAndUnhashedPhotos) {
  const MemoryPhotos photos(2);
  EXPECT_EQ(DecodedPhotos::Open({}, photos, Options()).status().code(),
            absl::StatusCode::kInvalidArgument);
  Photo unhashed = photos.index().photos[0];
  unhashed.sha256.clear();
  const std::vector<const Photo*> list = {&unhashed};
  EXPECT_EQ(std::string(DecodedPhotos::Open(list, photos, Options()).status().message()),
            "0: was not hashed, so it cannot be cached");
  DecodeOptions in_memory = Options();
  in_memory.cache_folder.clear();
  const auto decoded = DecodedPhotos::Open(list, photos, in_memory);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ((*decoded)->hash(0), photos.index().photos[0].sha256);
}

TEST_F(PhotoCacheTest, AnUnhashedPhotoThatCannotBeReadIsBroken) {
  const MemoryPhotos photos(3);
  const ReaderOf reader([&](const Photo& photo) -> absl::StatusOr<std::string> {
    if (photo.path == "1") return absl::DataLossError("1: its checksum does not fit");
    return photos.Read(photo);
  });
  DecodeOptions in_memory = Options();
  in_memory.cache_folder.clear();
  std::vector<Photo> unhashed = photos.index().photos;
  std::vector<const Photo*> list;
  for (Photo& photo : unhashed) {
    photo.sha256.clear();
    list.push_back(&photo);
  }
  const auto decoded = DecodedPhotos::Open(list, reader, in_memory);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  ASSERT_THAT((*decoded)->broken(), SizeIs(1));
  EXPECT_EQ((*decoded)->broken()[0].photo, 1u);
  EXPECT_EQ((*decoded)->broken()[0].problem.place, "1");
  EXPECT_EQ((*decoded)->broken()[0].problem.reason, "1: its checksum does not fit");
  EXPECT_EQ((*decoded)->pixels(1).front(), 0);
  // A photo that was read when it was hashed has not always been like that.
  for (const DecodeOptions& options : {in_memory, Options()}) {
    EXPECT_EQ(DecodedPhotos::Open(photos.photos(), reader, options).status().code(),
              absl::StatusCode::kDataLoss);
  }
}

TEST_F(PhotoCacheTest, AnExceptionOnADecodingThreadIsASentence) {
  const MemoryPhotos photos(100);
  const ReaderOf reader([&](const Photo& photo) -> absl::StatusOr<std::string> {
    if (photo.path == "70") throw std::bad_alloc();
    return photos.Read(photo);
  });
  DecodeOptions in_memory = Options();
  in_memory.cache_folder.clear();
  for (const DecodeOptions& options : {in_memory, Options()}) {
    const auto decoded = DecodedPhotos::Open(photos.photos(), reader, options);
    EXPECT_EQ(decoded.status().code(), absl::StatusCode::kResourceExhausted) << decoded.status();
    EXPECT_THAT(std::string(decoded.status().message()), HasSubstr("70: cannot be decoded: "));
  }
}

}  // namespace
}  // namespace vizsla
