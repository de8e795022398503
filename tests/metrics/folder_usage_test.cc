#include "src/metrics/folder_usage.h"

#include <gtest/gtest.h>

#include "src/base/file.h"

namespace vizsla {
namespace {

TEST(FolderUsage, CountsFilesInFoldersOfFolders) {
  const auto folder = TemporaryDirectory::Create().value();
  EXPECT_EQ(MeasureFolder(folder.path() + "/absent").files, 0);
  ASSERT_TRUE(CreateDirectories(folder.path() + "/ab").ok());
  ASSERT_TRUE(WriteFileAtomically(folder.path() + "/OWNER", "me").ok());
  ASSERT_TRUE(WriteFileAtomically(folder.path() + "/ab/abc", std::string(1000, 'x')).ok());
  const FolderUsage usage = MeasureFolder(folder.path());
  EXPECT_EQ(usage.files, 2);
  EXPECT_EQ(usage.bytes, 1002);
  EXPECT_EQ(FileBytes(folder.path() + "/OWNER"), 2);
  EXPECT_EQ(FileBytes(folder.path() + "/absent"), 0);
  EXPECT_GT(FreeBytes(folder.path()).value_or(0), 0);
  EXPECT_EQ(FreeBytes(folder.path() + "/absent"), std::nullopt);
}

TEST(FolderUsage, IsWalkedAnewOnlyWhenItIsOld) {
  const auto folder = TemporaryDirectory::Create().value();
  FolderUsageCache kept(folder.path(), std::chrono::hours(1));
  FolderUsageCache fresh(folder.path(), std::chrono::nanoseconds(0));
  EXPECT_EQ(kept.Get().files, 0);
  EXPECT_EQ(fresh.Get().files, 0);
  ASSERT_TRUE(WriteFileAtomically(folder.path() + "/a", "a").ok());
  EXPECT_EQ(kept.Get().files, 0);
  EXPECT_EQ(fresh.Get().files, 1);
}

}  // namespace
}  // namespace vizsla
