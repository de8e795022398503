#include "src/storage/artifact_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "src/base/sha256.h"
#include "src/storage/sqlite_trial_store.h"

namespace vizsla {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ArtifactStoreTest : public ::testing::Test {
 protected:
  std::string PathOf(const std::string& hash) const {
    return folder_.path() + "/a/" + hash.substr(0, 2) + "/" + hash;
  }
  size_t FilesInTemporary() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(folder_.path() + "/a/tmp"), fs::directory_iterator()));
  }
  void SetAge(const std::string& hash, std::chrono::seconds age) {
    timespec times[2] = {};
    times[0].tv_sec = times[1].tv_sec = ::time(nullptr) - age.count();
    ASSERT_EQ(::utimensat(AT_FDCWD, PathOf(hash).c_str(), times, 0), 0);
  }

  TemporaryDirectory folder_ = *TemporaryDirectory::Create();
  std::unique_ptr<ArtifactStore> store_ = *ArtifactStore::Open(folder_.path() + "/a", true);
  const std::string bytes_ = std::string("weights\0and more", 16);
  const std::string hash_ = Sha256Hex(bytes_);
};

TEST_F(ArtifactStoreTest, KeepsBytesUnderTheirHash) {
  EXPECT_FALSE(store_->Exists(hash_));
  ASSERT_TRUE(store_->Put(hash_, bytes_).ok());
  EXPECT_TRUE(store_->Exists(hash_));
  EXPECT_EQ(*store_->Get(hash_), bytes_);
  EXPECT_EQ(*store_->Size(hash_), bytes_.size());
  EXPECT_EQ(store_->Map(hash_)->view(), bytes_);
  EXPECT_TRUE(fs::exists(PathOf(hash_)));
  EXPECT_EQ(FilesInTemporary(), 0u);
  const std::string empty = Sha256Hex("");
  ASSERT_TRUE(store_->Put(empty, "").ok());
  EXPECT_EQ(*store_->Get(empty), "");
  EXPECT_EQ(store_->List()->size(), 2u);
  auto reopened = ArtifactStore::Open(folder_.path() + "/a", false);
  EXPECT_EQ(*(*reopened)->Get(hash_), bytes_);
}

TEST_F(ArtifactStoreTest, UploadsInPieces) {
  auto upload = store_->Begin(hash_, bytes_.size());
  ASSERT_TRUE(upload.ok());
  for (const char c : bytes_) ASSERT_TRUE((*upload)->Append(std::string_view(&c, 1)).ok());
  EXPECT_FALSE(store_->Exists(hash_)) << "whole or absent";
  ASSERT_TRUE((*upload)->Commit().ok());
  EXPECT_EQ(*store_->Get(hash_), bytes_);
  EXPECT_TRUE(store_->Put(hash_, bytes_).ok()) << "again is no error";
}

TEST_F(ArtifactStoreTest, RefusesWhatIsNotWhatWasPromised) {
  const auto wrong_bytes = store_->Put(hash_, std::string(bytes_.size(), 'x'));
  EXPECT_TRUE(absl::IsDataLoss(wrong_bytes));
  EXPECT_THAT(std::string(wrong_bytes.message()), HasSubstr("arrived damaged"));
  auto shorter = store_->Begin(hash_, bytes_.size());
  ASSERT_TRUE((*shorter)->Append("we").ok());
  EXPECT_TRUE(absl::IsDataLoss((*shorter)->Commit()));
  auto longer = store_->Begin(hash_, 3);
  EXPECT_TRUE(absl::IsDataLoss((*longer)->Append(bytes_)));
  shorter->reset();
  longer->reset();
  EXPECT_FALSE(store_->Exists(hash_));
  EXPECT_EQ(FilesInTemporary(), 0u);
}

TEST_F(ArtifactStoreTest, NothingBecomesAPathButAHash) {
  for (const std::string& name :
       {std::string("../../etc/passwd"), std::string(""), std::string(63, 'a'),
        std::string(64, 'A'), std::string(64, '/'), std::string(65, 'a')}) {
    EXPECT_TRUE(absl::IsInvalidArgument(store_->Begin(name, 1).status())) << name;
    EXPECT_TRUE(absl::IsInvalidArgument(store_->Get(name).status())) << name;
    EXPECT_TRUE(absl::IsInvalidArgument(store_->Map(name).status())) << name;
    EXPECT_TRUE(absl::IsInvalidArgument(store_->Size(name).status())) << name;
    EXPECT_TRUE(absl::IsInvalidArgument(store_->Remove(name))) << name;
    EXPECT_FALSE(store_->Exists(name)) << name;
  }
}

TEST_F(ArtifactStoreTest, AFlippedByteIsDataLoss) {
  ASSERT_TRUE(store_->Put(hash_, bytes_).ok());
  std::fstream file(PathOf(hash_), std::ios::in | std::ios::out | std::ios::binary);
  file.put('W');
  file.close();
  const auto damaged = store_->Get(hash_);
  EXPECT_TRUE(absl::IsDataLoss(damaged.status()));
  EXPECT_THAT(std::string(damaged.status().message()), HasSubstr("artifact " + hash_));
}

TEST_F(ArtifactStoreTest, AbsentOnes) {
  EXPECT_TRUE(absl::IsNotFound(store_->Get(hash_).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->Map(hash_).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->Size(hash_).status()));
  EXPECT_TRUE(store_->Remove(hash_).ok());
  ASSERT_TRUE(store_->Put(hash_, bytes_).ok());
  EXPECT_TRUE(store_->Remove(hash_).ok());
  EXPECT_FALSE(store_->Exists(hash_));
  EXPECT_THAT(*store_->List(), IsEmpty());
}

TEST_F(ArtifactStoreTest, CrashedUploadsAreSweptOnlyByTheCoordinator) {
  const std::string leftover = folder_.path() + "/a/tmp/crashed-upload";
  ASSERT_TRUE(WriteFileAtomically(leftover, "half").ok());
  ASSERT_TRUE(ArtifactStore::Open(folder_.path() + "/a", false).ok());
  EXPECT_TRUE(fs::exists(leftover));
  ASSERT_TRUE(ArtifactStore::Open(folder_.path() + "/a", true).ok());
  EXPECT_FALSE(fs::exists(leftover));
  EXPECT_FALSE(store_->Exists(hash_));
}

TEST_F(ArtifactStoreTest, AFolderBelongsToOneDatabase) {
  const std::string folder = folder_.path() + "/runs.artifacts";
  const ArtifactOwner first{"id-one", "/runs/a.db"};
  const ArtifactOwner second{"id-two", "/runs/a"};
  const std::string leftover = folder + "/tmp/half-an-upload";
  {
    const auto store = ArtifactStore::Open(folder, true, first);
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE((*store)->Put(hash_, bytes_).ok());
    ASSERT_TRUE(WriteFileAtomically(leftover, "half").ok());
  }
  for (const bool sweep : {true, false}) {
    const absl::Status refused = ArtifactStore::Open(folder, sweep, second).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr("/runs/a.db (id id-one)"));
    EXPECT_THAT(std::string(refused.message()), HasSubstr("/runs/a (id id-two)"));
  }
  EXPECT_TRUE(fs::exists(leftover)) << "refused before anything is swept";
  // It may be moved: the id decides.
  const auto again = ArtifactStore::Open(folder, true, {"id-one", "/elsewhere/a.db"});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_THAT(*(*again)->List(), ElementsAre(hash_));
  EXPECT_FALSE(fs::exists(leftover));
}

TEST_F(ArtifactStoreTest, AFolderOfBeforeIsClaimed) {
  ASSERT_TRUE(store_->Put(hash_, bytes_).ok());
  ASSERT_TRUE(ArtifactStore::Open(folder_.path() + "/a", true, {"id-one", "one"}).ok());
  EXPECT_FALSE(ArtifactStore::Open(folder_.path() + "/a", true, {"id-two", "two"}).ok());
  EXPECT_EQ(*store_->Get(hash_), bytes_);
}

TEST_F(ArtifactStoreTest, ReadingCreatesNothingAndTheFirstUploadClaims) {
  const std::string folder = folder_.path() + "/new.artifacts";
  const auto store = ArtifactStore::Open(folder, false, {"id-one", "one"});
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_FALSE((*store)->Exists(hash_));
  EXPECT_THAT(*(*store)->List(), IsEmpty());
  EXPECT_TRUE(absl::IsNotFound((*store)->Get(hash_).status()));
  EXPECT_FALSE(fs::exists(folder));
  ASSERT_TRUE((*store)->Put(hash_, bytes_).ok());
  EXPECT_EQ(*(*store)->Get(hash_), bytes_);
  EXPECT_FALSE(ArtifactStore::Open(folder, false, {"id-two", "two"}).ok());
}

TEST_F(ArtifactStoreTest, TheOwnerIsTheDatabasesId) {
  const auto store = SqliteTrialStore::Open(folder_.path() + "/one.db", OpenMode::kReadWrite);
  const auto other = SqliteTrialStore::Open(folder_.path() + "/two.db", OpenMode::kReadWrite);
  ASSERT_TRUE(store.ok() && other.ok());
  const auto owner = OwnerOf(**store, folder_.path() + "/x/../one.db");
  ASSERT_TRUE(owner.ok()) << owner.status();
  EXPECT_EQ(owner->database, folder_.path() + "/one.db");
  EXPECT_FALSE(owner->database_id.empty());
  EXPECT_NE(owner->database_id, OwnerOf(**other, "two.db")->database_id);
}

TEST_F(ArtifactStoreTest, AFullDiskIsASentence) {
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const std::string large(100'000, 'c');
  const std::string hash = Sha256Hex(large);
  const rlimit limit{50'000, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  const absl::Status full = store_->Put(hash, large);
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_TRUE(absl::IsResourceExhausted(full)) << full;
  EXPECT_THAT(std::string(full.message()), HasSubstr(hash));
  EXPECT_FALSE(store_->Exists(hash));
  EXPECT_EQ(FilesInTemporary(), 0u);
  EXPECT_TRUE(store_->Put(hash, large).ok());
}

TEST_F(ArtifactStoreTest, SameUploadFromManyThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 10; ++k) EXPECT_TRUE(store_->Put(hash_, bytes_).ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(*store_->Get(hash_), bytes_);
  EXPECT_EQ(FilesInTemporary(), 0u);
}

TEST_F(ArtifactStoreTest, OnlyOldOnesAreUnused) {
  const std::string other = Sha256Hex("other");
  ASSERT_TRUE(store_->Put(hash_, bytes_).ok());
  ASSERT_TRUE(store_->Put(other, "other").ok());
  SetAge(hash_, std::chrono::hours(2));
  const Timestamp hour_ago = SystemClock().Now() - std::chrono::hours(1);
  EXPECT_THAT(*store_->ListUnusedSince(hour_ago), ElementsAre(hash_));
  // A worker asks before it uploads: what it is about to name is used.
  ASSERT_TRUE(store_->Size(hash_).ok());
  EXPECT_THAT(*store_->ListUnusedSince(hour_ago), IsEmpty());
}

}  // namespace
}  // namespace vizsla
