#include "src/storage/network_file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/base/file.h"

namespace vizsla {
namespace {

constexpr uint32_t kFuse = 0x65735546;

TEST(NetworkFileSystemTest, KnowsTheNetworkOnesByTheirNumbers) {
  EXPECT_EQ(NetworkFileSystem(0x6969, ""), "nfs");
  EXPECT_EQ(NetworkFileSystem(0xFF534D42, ""), "cifs");
  EXPECT_EQ(NetworkFileSystem(0xFE534D42, ""), "smb");
  EXPECT_EQ(NetworkFileSystem(0x00C36400, ""), "ceph");
  EXPECT_EQ(NetworkFileSystem(0xEF53, ""), std::nullopt);      // ext4
  EXPECT_EQ(NetworkFileSystem(0x01021994, ""), std::nullopt);  // tmpfs
  EXPECT_EQ(NetworkFileSystem(0x794C7630, ""), std::nullopt);  // overlayfs
}

TEST(NetworkFileSystemTest, FuseIsJudgedByItsMountType) {
  EXPECT_EQ(NetworkFileSystem(kFuse, "fuse.sshfs"), "fuse.sshfs");
  EXPECT_EQ(NetworkFileSystem(kFuse, "fuse.something-new"), "fuse.something-new");
  EXPECT_EQ(NetworkFileSystem(kFuse, ""), "fuse");
  EXPECT_EQ(NetworkFileSystem(kFuse, "fuse.fuse-overlayfs"), std::nullopt);
  EXPECT_EQ(NetworkFileSystem(kFuse, "fuseblk"), std::nullopt);
}

TEST(NetworkFileSystemTest, FindsTheMountOfAPath) {
  constexpr std::string_view kMounts =
      "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
      "30 22 0:40 / /home rw - fuse.sshfs me@host: rw\n"
      "31 30 0:41 / /home/my\\040data rw - fuseblk /dev/sdb1 rw\n"
      "broken line\n";
  EXPECT_EQ(MountType(kMounts, "/var/lib"), "ext4");
  EXPECT_EQ(MountType(kMounts, "/home"), "fuse.sshfs");
  EXPECT_EQ(MountType(kMounts, "/home/x"), "fuse.sshfs");
  EXPECT_EQ(MountType(kMounts, "/homes"), "ext4");
  EXPECT_EQ(MountType(kMounts, "/home/my data/x"), "fuseblk");
  EXPECT_EQ(MountType("", "/x"), "");
}

TEST(NetworkFileSystemTest, ThisMachinesTemporaryFolderIsLocal) {
  const TemporaryDirectory folder = *TemporaryDirectory::Create();
  EXPECT_TRUE(CheckLocalFileSystem(folder.path(), "v.db").ok());
}

}  // namespace
}  // namespace vizsla
