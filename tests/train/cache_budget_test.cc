// Room for feature caches, with real files, locks and processes.
#include "src/train/cache_budget.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "src/base/file.h"
#include "src/train/feature_cache.h"

namespace vizsla {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class CacheBudgetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::Create();
    ASSERT_TRUE(folder.ok());
    folder_.emplace(*std::move(folder));
  }
  const std::string& folder() const { return folder_->path(); }
  std::string Cache(const std::string& name) const { return StrCat(folder(), "/", name); }
  bool Exists(const std::string& name) const { return std::filesystem::exists(Cache(name)); }

  // A cache that nobody uses, last used so many seconds ago.
  void Idle(const std::string& name, size_t bytes, int seconds_ago) {
    ASSERT_TRUE(FolderUse::Hold(Cache(name)).ok());
    std::ofstream(Cache(name) + "/shard-0-00000.features") << std::string(bytes, 'x');
    const timespec then = {.tv_sec = ::time(nullptr) - seconds_ago, .tv_nsec = 0};
    const timespec times[] = {then, then};
    ASSERT_EQ(::utimensat(AT_FDCWD, (Cache(name) + "/use.lock").c_str(), times, 0), 0);
  }
  FolderUse Hold(const std::string& name) { return *FolderUse::Hold(Cache(name)); }
  absl::Status Want(const std::string& name, const FolderUse& use, uint64_t bytes,
                    uint64_t budget) {
    const WantedCache wanted = {.name = name, .use = &use, .bytes = bytes};
    return MakeRoom(folder(), {&wanted, 1}, {.bytes = budget, .most_left_free = 0});
  }

  // Another process that does this, then says so and stays until it is killed.
  pid_t Child(const std::function<void()>& work) {
    int ready[2];
    EXPECT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      work();
      (void)!::write(ready[1], "x", 1);
      for (;;) ::pause();
    }
    char byte;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    ::close(ready[0]);
    ::close(ready[1]);
    return child;
  }
  static void Kill(pid_t child) {
    ::kill(child, SIGKILL);
    int status;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
  }

  std::optional<TemporaryDirectory> folder_;
};

TEST_F(CacheBudgetTest, TheLeastRecentlyUsedGo) {
  Idle("old", 4000, 300);
  Idle("older", 4000, 400);
  Idle("young", 4000, 10);
  const FolderUse mine = Hold("mine");
  EXPECT_TRUE(Want("mine", mine, 4000, 13000).ok());
  EXPECT_FALSE(Exists("older"));
  EXPECT_TRUE(Exists("old") && Exists("young") && Exists("mine"));
  EXPECT_EQ(mine.promised_bytes(), 4000u);
}

TEST_F(CacheBudgetTest, AUseMakesACacheYoung) {
  Idle("a", 4000, 300);
  Idle("b", 4000, 200);
  { Hold("a"); }
  const FolderUse mine = Hold("mine");
  EXPECT_TRUE(Want("mine", mine, 4000, 9000).ok());
  EXPECT_TRUE(Exists("a"));
  EXPECT_FALSE(Exists("b"));
}

TEST_F(CacheBudgetTest, WhatAnotherProcessUsesStaysUntilItDies) {
  Idle("theirs", 4000, 300);
  const pid_t child = Child([&] { new FolderUse(Hold("theirs")); });
  const FolderUse mine = Hold("mine");
  const absl::Status status = Want("mine", mine, 8000, 10000);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("has no room for 8.00 kB: caches in use, these included, take "));
  EXPECT_TRUE(Exists("theirs"));
  EXPECT_EQ(mine.promised_bytes(), 0u) << "nothing is promised that is not there";
  Kill(child);
  EXPECT_TRUE(Want("mine", mine, 8000, 10000).ok());
  EXPECT_FALSE(Exists("theirs"));
}

TEST_F(CacheBudgetTest, WhatAnotherProcessIsYetToFillIsItsOwn) {
  const pid_t child = Child([&] {
    auto* use = new FolderUse(Hold("theirs"));
    (void)Want("theirs", *use, 6000, 10000);
  });
  const FolderUse mine = Hold("mine");
  EXPECT_EQ(Want("mine", mine, 6000, 10000).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(Want("mine", mine, 4000, 10000).ok());
  Kill(child);
  EXPECT_TRUE(Want("mine", mine, 6000, 10000).ok());
}

TEST_F(CacheBudgetTest, WhatIsThereInFullNeedsNoRoom) {
  Idle("mine", 4000, 10);
  Idle("other", 4000, 300);
  const FolderUse mine = Hold("mine");
  EXPECT_TRUE(Want("mine", mine, 4000, 1000).ok()) << "a budget that has become smaller";
  EXPECT_TRUE(Exists("other"));
}

TEST_F(CacheBudgetTest, TheDiskKeepsItsShare) {
  const FolderUse mine = Hold("mine");
  const WantedCache wanted = {.name = "mine", .use = &mine, .bytes = uint64_t{1} << 60};
  EXPECT_EQ(MakeRoom(folder(), {&wanted, 1}, {.bytes = uint64_t{1} << 61}).code(),
            absl::StatusCode::kResourceExhausted);
}

TEST_F(CacheBudgetTest, WhatKilledProcessesLeftIsRemoved) {
  Idle("cache", 100, 10);
  const std::string dead = Cache("cache") + "/shard-0-00001.features.tmp-12-0";
  const std::string alive = Cache("cache") + "/shard-0-00002.features.tmp-13-0";
  std::ofstream(dead) << "half";
  std::ofstream(alive) << "half";
  const auto filling = FileLock::Acquire(Cache("cache") + "/shard-0-00002.lock");
  ASSERT_TRUE(filling.ok());
  std::filesystem::create_directory(Cache("gone-1-2.removed"));
  std::ofstream(Cache("gone-1-2.removed") + "/shard-0-00000.features") << "old";
  const FolderUse mine = Hold("mine");
  EXPECT_TRUE(Want("mine", mine, 10, 10000).ok());
  EXPECT_FALSE(std::filesystem::exists(dead));
  EXPECT_TRUE(std::filesystem::exists(alive)) << "its writer lives";
  EXPECT_FALSE(Exists("gone-1-2.removed"));
  EXPECT_TRUE(Exists("cache"));
}

// One process opens, looks and closes, the other removes: whoever holds a folder finds in it what
// it has put there.
TEST_F(CacheBudgetTest, OpeningAndRemovingAtOnceIsSafe) {
  const pid_t child = ::fork();
  if (child == 0) {
    int removed = 0;
    for (const auto end = std::chrono::steady_clock::now() + 10s;
         removed < 200 && std::chrono::steady_clock::now() < end;) {
      const auto gone = RemoveUnlessHeld(Cache("cache"));
      if (!gone.ok()) ::_exit(2);
      removed += *gone ? 1 : 0;
    }
    ::_exit(removed >= 200 ? 0 : 1);
  }
  int status = 0;
  int opened = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    const auto use = FolderUse::Hold(Cache("cache"));
    ASSERT_TRUE(use.ok()) << use.status();
    const std::string mark = Cache("cache") + "/mark";
    std::ofstream(mark) << "mine";
    for (int i = 0; i < 3; ++i) {
      std::this_thread::yield();
      ASSERT_TRUE(std::filesystem::exists(mark));
    }
    ++opened;
  }
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_GT(opened, 0);
}

// Both want more than half of what there is, at once: one gets it.
TEST_F(CacheBudgetTest, TwoThatMakeRoomAtOnceDoNotGetItTwice) {
  Idle("old", 9000, 300);
  int result[2];
  ASSERT_EQ(::pipe(result), 0);
  pid_t children[2];
  for (const char* name : {"a", "b"}) {
    pid_t& child = children[name[0] - 'a'];
    child = ::fork();
    if (child != 0) continue;
    const FolderUse use = Hold(name);
    const bool got = Want(name, use, 6000, 10000).ok();
    (void)!::write(result[1], got ? "y" : "n", 1);
    for (;;) ::pause();
  }
  std::string answers(2, ' ');
  for (char& answer : answers) ASSERT_EQ(::read(result[0], &answer, 1), 1);
  EXPECT_THAT(answers, ::testing::AnyOf("yn", "ny"));
  EXPECT_FALSE(Exists("old"));
  for (const pid_t child : children) Kill(child);
}

absl::Status Compute(std::span<const FeatureRow> rows, float* values) {
  for (const FeatureRow& row : rows) *values++ = static_cast<float>(row.photo);
  return absl::OkStatus();
}

TEST_F(CacheBudgetTest, AnOpenFeatureCacheIsInUse) {
  auto cache = FeatureCache::Open(folder(), {.name = "open", .photo_count = 200, .row_floats = 1});
  ASSERT_TRUE(cache.ok());
  while (*(*cache)->FillOne(1, Compute) != FeatureCache::Fill::kComplete) {
  }
  uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(Cache("open"))) {
    if (entry.path().extension() == ".features") bytes += entry.file_size();
  }
  EXPECT_EQ((*cache)->BytesWhenFull(1), bytes);
  EXPECT_EQ((*cache)->BytesWhenFull(2), 2 * bytes);
  EXPECT_FALSE(*RemoveUnlessHeld(Cache("open")));
  float value = 0;
  (*cache)->ReadRow(150, 0, 0, 1, &value);
  EXPECT_EQ(value, 150.0f);
  cache->reset();
  EXPECT_TRUE(*RemoveUnlessHeld(Cache("open")));
  EXPECT_FALSE(Exists("open"));
}

TEST_F(CacheBudgetTest, KeptCachesAreClosedWhenNobodyHasThem) {
  const FeatureLayout layout = {.name = "kept", .photo_count = 10, .row_floats = 1};
  std::optional used = *SharedFeatureCache(folder(), layout);
  CloseIdleFeatureCaches();
  EXPECT_TRUE(*IsHeld(Cache("kept")));
  used.reset();
  CloseIdleFeatureCaches(1h);
  EXPECT_TRUE(*IsHeld(Cache("kept"))) << "kept for the next trial";
  CloseIdleFeatureCaches();
  EXPECT_FALSE(*IsHeld(Cache("kept")));
}

}  // namespace
}  // namespace vizsla
