#include "src/train/feature_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "src/base/file.h"

namespace vizsla {
namespace {

using namespace std::chrono_literals;

constexpr size_t kPhotos = 300;  // three shards a view
constexpr size_t kFloats = 5;

FeatureLayout Layout() { return {"name-1", kPhotos, 2, kFloats}; }
FeatureLayout ManyViews() { return {"name-1", kPhotos, 64, kFloats}; }

float Expected(uint32_t photo, int view, size_t i) {
  return static_cast<float>(photo) * 10 + static_cast<float>(i) + static_cast<float>(view) * 0.5f;
}

absl::Status Compute(std::span<const FeatureRow> rows, float* values) {
  for (const FeatureRow& row : rows) {
    for (size_t i = 0; i < kFloats; ++i) *values++ = Expected(row.photo, row.view, i);
  }
  return absl::OkStatus();
}

class FeatureCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::Create();
    ASSERT_TRUE(folder.ok());
    folder_.emplace(*std::move(folder));
  }
  std::unique_ptr<FeatureCache> Open(const FeatureLayout& layout = Layout()) {
    auto cache = FeatureCache::Open(folder_->path(), layout);
    EXPECT_TRUE(cache.ok()) << cache.status();
    return *std::move(cache);
  }
  std::string Shard(const char* which) {
    return StrCat(folder_->path(), "/name-1/shard-", which, ".features");
  }
  // Fills what is missing; how many shards that took.
  static int FillAll(FeatureCache& cache, int views) {
    for (int filled = 0;; ++filled) {
      auto fill = cache.FillOne(views, Compute);
      EXPECT_TRUE(fill.ok()) << fill.status();
      if (!fill.ok() || *fill != FeatureCache::Fill::kFilled) return filled;
    }
  }
  static void ExpectRows(const FeatureCache& cache, int views) {
    for (int view = 0; view < views; ++view) {
      for (uint32_t photo = 0; photo < kPhotos; ++photo) {
        float row[kFloats];
        cache.ReadRow(photo, view, 0, kFloats, row);
        for (size_t i = 0; i < kFloats; ++i) ASSERT_EQ(row[i], Expected(photo, view, i));
      }
    }
  }
  std::optional<TemporaryDirectory> folder_;
};

TEST_F(FeatureCacheTest, FillsOnceAndServesTheNext) {
  {
    auto cache = Open();
    EXPECT_EQ(cache->ReadyRows(2), 0u);
    EXPECT_EQ(FillAll(*cache, 2), 6);
    EXPECT_EQ(cache->ReadyRows(2), 2 * kPhotos);
    EXPECT_EQ(cache->TotalRows(2), 2 * kPhotos);
    ExpectRows(*cache, 2);
  }
  auto again = Open();
  EXPECT_EQ(FillAll(*again, 2), 0);
  ExpectRows(*again, 2);
}

TEST_F(FeatureCacheTest, FillsOnlyTheViewsThatAreNeeded) {
  auto cache = Open();
  EXPECT_EQ(FillAll(*cache, 1), 3);
  ExpectRows(*cache, 1);
  EXPECT_EQ(cache->ReadyRows(2), kPhotos);
  EXPECT_EQ(FillAll(*cache, 2), 3);
  ExpectRows(*cache, 2);
}

TEST_F(FeatureCacheTest, FewViewsAreTheFirstOfMany) {
  auto few = Open(ManyViews());
  EXPECT_EQ(FillAll(*few, 4), 4 * 3);
  ExpectRows(*few, 4);
  auto many = Open(ManyViews());
  EXPECT_EQ(many->ReadyRows(7), 4 * kPhotos);
  EXPECT_EQ(FillAll(*many, 7), 3 * 3);
  ExpectRows(*many, 7);
  EXPECT_EQ(FillAll(*few, 7), 0);
  ExpectRows(*few, 7);
  EXPECT_EQ(few->BytesWhenFull(7), 7 * few->BytesWhenFull(1));
}

TEST_F(FeatureCacheTest, ClaimedShardsAreLeftToTheirOwner) {
  auto cache = Open();
  auto other = FileLock::Acquire(folder_->path() + "/name-1/shard-0-00001.lock");
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(FillAll(*cache, 1), 2);
  auto fill = cache->FillOne(1, Compute);
  ASSERT_TRUE(fill.ok());
  EXPECT_EQ(*fill, FeatureCache::Fill::kBusy);
  { FileLock dies = *std::move(other); }
  EXPECT_EQ(FillAll(*cache, 1), 1);
}

TEST_F(FeatureCacheTest, ShardsOfOthersAppear) {
  auto mine = Open();
  auto theirs = Open();
  EXPECT_EQ(FillAll(*theirs, 1), 3);
  EXPECT_EQ(mine->ReadyRows(1), kPhotos);
  EXPECT_EQ(FillAll(*mine, 1), 0);
  ExpectRows(*mine, 1);
}

TEST_F(FeatureCacheTest, DamagedShardsAreComputedAgain) {
  { FillAll(*Open(), 1); }
  const std::string flipped = Shard("0-00000"), cut = Shard("0-00001"), garbage = Shard("0-00002");
  {
    std::fstream file(flipped, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-3, std::ios::end);
    file.put('x');
  }
  std::filesystem::resize_file(cut, std::filesystem::file_size(cut) - 1);
  std::ofstream(garbage) << "garbage";
  auto cache = Open();
  EXPECT_EQ(cache->ReadyRows(1), 0u);
  EXPECT_EQ(FillAll(*cache, 1), 3);
  ExpectRows(*cache, 1);
}

TEST_F(FeatureCacheTest, ShardsOfAnotherShapeOrPlaceAreNotBelieved) {
  { FillAll(*Open(), 1); }
  // The right size, a valid checksum, but another shard's rows.
  std::filesystem::copy_file(Shard("0-00001"), Shard("0-00000"),
                             std::filesystem::copy_options::overwrite_existing);
  auto cache = Open();
  EXPECT_EQ(FillAll(*cache, 1), 1);
  ExpectRows(*cache, 1);
}

TEST_F(FeatureCacheTest, ShardsOfOtherWeightsAreNotBelieved) {
  FeatureLayout other = Layout();
  other.name = "name-2";
  FillAll(*Open(other), 1);
  { FillAll(*Open(), 1); }
  std::filesystem::copy_file(folder_->path() + "/name-2/shard-0-00001.features", Shard("0-00001"),
                             std::filesystem::copy_options::overwrite_existing);
  auto cache = Open();
  EXPECT_EQ(cache->ReadyRows(1), kPhotos - FeatureCache::kPhotosPerShard);
  EXPECT_EQ(FillAll(*cache, 1), 1);
  ExpectRows(*cache, 1);
}

TEST_F(FeatureCacheTest, AKilledWritersShardIsReclaimed) {
  const pid_t child = ::fork();
  if (child == 0) {
    auto cache = FeatureCache::Open(folder_->path(), ManyViews());
    // Three shards a view: one of the fourth view.
    for (int shard = 0; shard < 10; ++shard) (void)(*cache)->FillOne(4, Compute);
    // Dies in the middle of the next, holding the lock, a temporary file beside it.
    (void)(*cache)->FillOne(4, [&](std::span<const FeatureRow>, float*) -> absl::Status {
      std::ofstream(Shard("3-00001") + ".tmp-1-0") << "half";
      ::raise(SIGKILL);
      return absl::OkStatus();
    });
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  auto cache = Open(ManyViews());
  EXPECT_EQ(cache->ReadyRows(4), 3 * kPhotos + FeatureCache::kPhotosPerShard);
  EXPECT_EQ(FillAll(*cache, 4), 2);
  ExpectRows(*cache, 4);
  EXPECT_FALSE(std::filesystem::exists(Shard("3-00001") + ".tmp-1-0"));
}

TEST_F(FeatureCacheTest, TwoProcessesSplitTheShards) {
  constexpr int kViews = 5;
  // Each process writes down how many shards it filled; computing takes a while, as it does in
  // life.
  const auto slowly = [](std::span<const FeatureRow> rows, float* values) {
    std::this_thread::sleep_for(10ms);
    return Compute(rows, values);
  };
  const auto work = [&](FeatureCache& cache) {
    int filled = 0;
    for (;;) {
      auto fill = cache.FillOne(kViews, slowly);
      if (!fill.ok()) return -1;
      if (*fill == FeatureCache::Fill::kComplete) return filled;
      if (*fill == FeatureCache::Fill::kFilled) ++filled;
      if (*fill == FeatureCache::Fill::kBusy) std::this_thread::sleep_for(5ms);
    }
  };
  const pid_t child = ::fork();
  if (child == 0) {
    auto cache = FeatureCache::Open(folder_->path(), ManyViews());
    ::_exit(work(**cache));
  }
  auto cache = Open(ManyViews());
  const int mine = work(*cache);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  const int theirs = WEXITSTATUS(status);
  EXPECT_EQ(mine + theirs, kViews * 3) << "no shard is computed twice";
  EXPECT_GT(mine, 0);
  EXPECT_GT(theirs, 0);
  ExpectRows(*cache, kViews);
}

TEST_F(FeatureCacheTest, ErrorsOfTheComputationPassThrough) {
  auto cache = Open();
  auto fill = cache->FillOne(1, [](std::span<const FeatureRow>, float*) {
    return absl::DataLossError("photo 7 is broken");
  });
  EXPECT_EQ(fill.status().message(), "photo 7 is broken");
  EXPECT_EQ(FillAll(*cache, 1), 3) << "and leave no lock behind";
}

TEST_F(FeatureCacheTest, FullDiskIsResourceExhaustedAndLeavesNothing) {
  auto cache = Open();
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  rlimit small = before;
  small.rlim_cur = 1000;
  ::setrlimit(RLIMIT_FSIZE, &small);
  auto fill = cache->FillOne(1, Compute);
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(fill.status().code(), absl::StatusCode::kResourceExhausted) << fill.status();
  EXPECT_THAT(std::string(fill.status().message()), ::testing::HasSubstr("shard-0-00000"));
  for (const auto& entry : std::filesystem::directory_iterator(folder_->path() + "/name-1")) {
    EXPECT_EQ(entry.path().extension(), ".lock") << entry.path();
  }
  EXPECT_EQ(FillAll(*cache, 1), 3);
}

TEST_F(FeatureCacheTest, HalfRowsTakeHalfTheBytesAndAreNeverReadAsOthers) {
  FeatureLayout half = Layout();
  half.type = FeatureType::kFloat16;
  auto cache = Open(half);
  EXPECT_EQ(FillAll(*cache, 1), 3);
  EXPECT_EQ(std::filesystem::file_size(Shard("0-00000")),
            512 + FeatureCache::kPhotosPerShard * kFloats * 2);
  for (uint32_t photo = 0; photo < kPhotos; ++photo) {
    float row[2];
    cache->ReadRow(photo, 0, 3, 2, row);
    EXPECT_NEAR(row[1], Expected(photo, 0, 4), Expected(photo, 0, 4) / 2048);
  }
  EXPECT_EQ(Open(half)->ReadyRows(1), kPhotos);
  // Were they ever in one folder: the size differs, and where it does not, the header does.
  EXPECT_EQ(Open()->ReadyRows(1), 0u);
  FeatureLayout longer = half;
  longer.row_floats = 2 * kFloats;
  FillAll(*Open(longer), 1);
  EXPECT_EQ(Open()->ReadyRows(1), 0u);
}

TEST_F(FeatureCacheTest, WhatHalfRowsCannotHoldIsAnError) {
  FeatureLayout half = Layout();
  half.type = FeatureType::kFloat16;
  auto cache = Open(half);
  const auto fill = cache->FillOne(1, [](std::span<const FeatureRow> rows, float* values) {
    std::fill(values, values + rows.size() * kFloats, 70000.0f);
    return absl::OkStatus();
  });
  EXPECT_EQ(fill.status(),
            absl::OutOfRangeError("features of photos 0 to 127 are beyond the range of float16"));
  EXPECT_EQ(cache->ReadyRows(1), 0u);
}

TEST_F(FeatureCacheTest, NamesThatAreNoFolderAreRefused) {
  for (const char* name : {"", "../up", "a/b"}) {
    FeatureLayout layout = Layout();
    layout.name = name;
    EXPECT_EQ(FeatureCache::Open(folder_->path(), layout).status().message(),
              StrCat("feature cache: '", name, "' cannot name a folder"));
  }
  FeatureLayout empty = Layout();
  empty.row_floats = 0;
  EXPECT_EQ(FeatureCache::Open(folder_->path(), empty).status().message(),
            "feature cache name-1: 2 views of 0 numbers make no cache");
}

TEST_F(FeatureCacheTest, SharedCachesAreOpenedOnce) {
  auto first = SharedFeatureCache(folder_->path(), Layout());
  auto second = SharedFeatureCache(folder_->path(), Layout());
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(*first, *second);
  FeatureLayout other = Layout();
  other.name = "name-2";
  EXPECT_NE(*first, *SharedFeatureCache(folder_->path(), other));
}

}  // namespace
}  // namespace vizsla
