#include "src/base/file.h"

#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <functional>
#include <thread>

namespace vizsla {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> Names(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  return names;
}

// Runs in a child process; true when it returned true.
bool InChild(const std::function<bool()>& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work() ? 0 : 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

class FileTest : public ::testing::Test {
 protected:
  FileTest() : folder_(*TemporaryDirectory::Create("vizsla-file-test")) {}
  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  TemporaryDirectory folder_;
};

TEST_F(FileTest, WritesAndReadsBack) {
  const std::string bytes("zero \0 and newline \n", 20);
  ASSERT_TRUE(WriteFileAtomically(Path("a"), bytes).ok());
  EXPECT_EQ(*ReadFile(Path("a")), bytes);
  ASSERT_TRUE(WriteFileAtomically(Path("a"), "").ok());
  EXPECT_EQ(*ReadFile(Path("a")), "");
  EXPECT_THAT(Names(folder_.path()), ::testing::ElementsAre("a"));
}

TEST_F(FileTest, ErrorsNameThePathAndTheReason) {
  const absl::Status missing = ReadFile(Path("none")).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(missing.ToString(), HasSubstr(Path("none")));
  EXPECT_THAT(missing.ToString(), HasSubstr("No such file"));
  EXPECT_EQ(WriteFileAtomically(Path("no/folder/a"), "x").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ErrnoStatus(ENOSPC, "p", "write").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrnoStatus(EDQUOT, "p", "write").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrnoStatus(EACCES, "p", "open").code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ErrnoStatus(EROFS, "p", "open").code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ErrnoStatus(EIO, "p", "read").code(), absl::StatusCode::kInternal);
}

TEST_F(FileTest, WithoutCommitNothingRemains) {
  ASSERT_TRUE(WriteFileAtomically(Path("a"), "old").ok());
  {
    auto writer = AtomicFileWriter::Create(Path("a"));
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->Append("new").ok());
  }
  EXPECT_EQ(*ReadFile(Path("a")), "old");
  EXPECT_THAT(Names(folder_.path()), ::testing::ElementsAre("a"));
}

TEST_F(FileTest, ANewFileNeverTakesAnothersPlace) {
  for (const std::string name : {"a", "a", "b"}) {
    auto writer = AtomicFileWriter::Create(Path(name), 0600);
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->Append(name).ok());
    const bool there = std::filesystem::exists(Path(name));
    EXPECT_EQ((*writer)->CommitNew().code(),
              there ? absl::StatusCode::kAlreadyExists : absl::StatusCode::kOk);
    EXPECT_EQ(std::filesystem::status(Path(name)).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  EXPECT_THAT(Names(folder_.path()), ::testing::UnorderedElementsAre("a", "b"));
}

TEST_F(FileTest, AppearsOnlyByCommitAndMayTakeAnotherName) {
  auto writer = AtomicFileWriter::Create(Path("upload"));
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE((*writer)->Append("one ").ok());
  ASSERT_TRUE((*writer)->Append("two").ok());
  EXPECT_FALSE(std::filesystem::exists(Path("upload")));
  ASSERT_TRUE((*writer)->Commit(Path("named-by-hash")).ok());
  EXPECT_EQ(*ReadFile(Path("named-by-hash")), "one two");
  EXPECT_THAT(Names(folder_.path()), ::testing::ElementsAre("named-by-hash"));
}

// As in two containers that share a volume.
TEST_F(FileTest, ProcessesWithTheSameIdWriteToFilesOfTheirOwn) {
  for (int i = 0; i < 2; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      if (::unshare(CLONE_NEWPID) != 0) ::_exit(2);
      ::_exit(InChild([&] {  // process 1
        auto writer = AtomicFileWriter::Create(Path("a"));
        (*writer).release();  // as if killed
        return ::getpid() == 1;
      })
                  ? 0
                  : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == 2) GTEST_SKIP() << "needs the right to make process namespaces";
    ASSERT_EQ(WEXITSTATUS(status), 0);
  }
  EXPECT_THAT(Names(folder_.path()),
              ::testing::UnorderedElementsAre(::testing::StartsWith("a.tmp-"),
                                              ::testing::StartsWith("a.tmp-")));
}

TEST_F(FileTest, KilledInTheMiddleLeavesTheOldBytes) {
  ASSERT_TRUE(WriteFileAtomically(Path("a"), "old").ok());
  const pid_t child = ::fork();
  if (child == 0) {
    auto writer = AtomicFileWriter::Create(Path("a"));
    (void)(*writer)->Append("new");
    ::raise(SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(*ReadFile(Path("a")), "old");
}

// A limit on file sizes stands for a full disk: it needs no root.
TEST_F(FileTest, NoRoomIsAnErrorAndLeavesTheOldBytes) {
  ASSERT_TRUE(WriteFileAtomically(Path("a"), "old").ok());
  EXPECT_TRUE(InChild([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1 << 16, 1 << 16};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const absl::Status status = WriteFileAtomically(Path("a"), std::string(1 << 20, 'x'));
    const absl::Status mapped = MappedFile::OpenWritable(Path("map"), 1 << 20).status();
    return status.code() == absl::StatusCode::kResourceExhausted &&
           mapped.code() == absl::StatusCode::kResourceExhausted;
  }));
  EXPECT_EQ(*ReadFile(Path("a")), "old");
  EXPECT_THAT(Names(folder_.path()), ::testing::UnorderedElementsAre("a", "map"));
}

TEST_F(FileTest, FullFileSystemIsAnErrorAndLeavesTheOldBytes) {
  const std::string disk = Path("disk");
  ASSERT_TRUE(CreateDirectories(disk).ok());
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=256k") != 0) {
    GTEST_SKIP() << "cannot mount a tmpfs here; the size-limit test above stands in";
  }
  const absl::Status small = WriteFileAtomically(disk + "/a", "old");
  const absl::Status big = WriteFileAtomically(disk + "/a", std::string(1 << 20, 'x'));
  const absl::Status mapped = MappedFile::OpenWritable(disk + "/map", 1 << 20).status();
  const auto after = ReadFile(disk + "/a");
  ::umount2(disk.c_str(), MNT_DETACH);
  EXPECT_TRUE(small.ok()) << small;
  EXPECT_EQ(big.code(), absl::StatusCode::kResourceExhausted) << big;
  EXPECT_THAT(big.ToString(), HasSubstr("No space left on device"));
  EXPECT_EQ(mapped.code(), absl::StatusCode::kResourceExhausted) << mapped;
  EXPECT_EQ(*after, "old");
}

TEST_F(FileTest, MapsWhatWasWritten) {
  ASSERT_TRUE(WriteFileAtomically(Path("a"), "mapped bytes").ok());
  auto file = MappedFile::Open(Path("a"));
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->view(), "mapped bytes");
  const std::byte* address = file->data();
  const MappedFile moved = std::move(*file);
  EXPECT_EQ(moved.data(), address);
  EXPECT_EQ(moved.view(), "mapped bytes");
  ASSERT_TRUE(WriteFileAtomically(Path("empty"), "").ok());
  EXPECT_EQ(MappedFile::Open(Path("empty"))->size(), 0u);
  EXPECT_EQ(MappedFile::Open(Path("none")).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(FileTest, MappedWritesReachOtherProcesses) {
  auto mine = MappedFile::OpenWritable(Path("shared"), 4096);
  ASSERT_TRUE(mine.ok());
  EXPECT_EQ(std::to_integer<int>(mine->data()[4095]), 0);
  EXPECT_TRUE(InChild([&] {
    auto theirs = MappedFile::OpenWritable(Path("shared"), 4096);
    if (!theirs.ok()) return false;
    theirs->mutable_data()[4095] = std::byte{42};
    return true;
  }));
  EXPECT_EQ(std::to_integer<int>(mine->data()[4095]), 42);
}

TEST_F(FileTest, ALockKeepsOtherProcessesOut) {
  auto lock = FileLock::TryAcquire(Path("lock"));
  ASSERT_TRUE(lock.ok());
  ASSERT_TRUE(lock->has_value());
  const auto blocked = [&] {
    auto theirs = FileLock::TryAcquire(Path("lock"));
    return theirs.ok() && !theirs->has_value();
  };
  EXPECT_TRUE(InChild(blocked));
  EXPECT_TRUE(blocked());  // another object of this process is another holder
  lock->reset();
  EXPECT_FALSE(InChild(blocked));
}

TEST_F(FileTest, TheKernelFreesTheLockOfAKilledProcess) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto lock = FileLock::TryAcquire(Path("lock"));
    (void)!::write(ready[1], "x", 1);
    for (;;) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_FALSE(FileLock::TryAcquire(Path("lock"))->has_value());
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(FileLock::TryAcquire(Path("lock"))->has_value());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(FileTest, AcquireWaitsForTheHolder) {
  auto lock = FileLock::Acquire(Path("lock"));
  ASSERT_TRUE(lock.ok());
  std::optional<FileLock> held(std::move(*lock));
  std::thread waiter([&] { EXPECT_TRUE(FileLock::Acquire(Path("lock")).ok()); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  held.reset();
  waiter.join();
}

TEST_F(FileTest, TemporaryDirectoriesVanishWithTheirContents) {
  std::string path;
  {
    auto folder = TemporaryDirectory::Create();
    ASSERT_TRUE(folder.ok());
    path = folder->path();
    ASSERT_TRUE(CreateDirectories(path + "/a/b").ok());
    ASSERT_TRUE(CreateDirectories(path + "/a/b").ok());  // again: no error
    ASSERT_TRUE(WriteFileAtomically(path + "/a/b/c", "x").ok());
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace vizsla
