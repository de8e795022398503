#include "src/storage/migrations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "src/base/file.h"

namespace vizsla {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr const char* kFirst = "CREATE TABLE dogs(name TEXT NOT NULL) STRICT";
constexpr const char* kSecond = "ALTER TABLE dogs ADD COLUMN age INTEGER NOT NULL DEFAULT 3";
constexpr const char* kThird = "UPDATE dogs SET age = age + 1; CREATE INDEX by_age ON dogs(age)";
constexpr const char* kBroken = "UPDATE dogs SET age = 99; INSERT INTO nowhere VALUES(1)";

class MigrationsTest : public ::testing::Test {
 protected:
  absl::Status MigrateTo(std::vector<const char*> steps) {
    return Migrate(*Open(), Migrations(steps), backup_);
  }
  std::unique_ptr<Database> Open() { return OpenFile(path_); }
  static std::unique_ptr<Database> OpenFile(const std::string& path) {
    return *Database::Open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, path);
  }

  TemporaryDirectory folder_ = *TemporaryDirectory::Create();
  std::string path_ = folder_.path() + "/v.db";
  std::string backup_ = path_ + ".backup-schema-";
};

TEST_F(MigrationsTest, ANewFileNeedsNoBackup) {
  ASSERT_TRUE(MigrateTo({kFirst, kSecond}).ok());
  EXPECT_EQ(*Open()->ReadInt("PRAGMA user_version"), 2);
  EXPECT_EQ(*Open()->ReadInt("PRAGMA application_id"), kApplicationId);
  EXPECT_FALSE(fs::exists(backup_ + "0"));
}

TEST_F(MigrationsTest, AnOlderFileIsCarriedForwardAfterABackup) {
  ASSERT_TRUE(MigrateTo({kFirst}).ok());
  ASSERT_TRUE(Open()->Execute("PRAGMA journal_mode = WAL; INSERT INTO dogs VALUES('rex')").ok());
  const absl::Status status = MigrateTo({kFirst, kSecond, kThird});
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(*Open()->ReadInt("PRAGMA user_version"), 3);
  EXPECT_EQ(*Open()->ReadInt("SELECT age FROM dogs WHERE name = 'rex'"), 4);

  ASSERT_TRUE(fs::exists(backup_ + "1"));
  auto backup = OpenFile(backup_ + "1");
  EXPECT_EQ(*backup->ReadInt("PRAGMA user_version"), 1);
  EXPECT_EQ(*backup->ReadInt("SELECT count(*) FROM dogs WHERE name = 'rex'"), 1);
  EXPECT_FALSE(backup->ReadInt("SELECT age FROM dogs").ok());
}

TEST_F(MigrationsTest, AStepThatFailsUndoesAll) {
  ASSERT_TRUE(MigrateTo({kFirst, kSecond}).ok());
  ASSERT_TRUE(Open()->Execute("INSERT INTO dogs(name) VALUES('rex')").ok());
  const absl::Status status = MigrateTo({kFirst, kSecond, kThird, kBroken});
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("from schema 2 to 4 failed and was undone"));
  EXPECT_EQ(*Open()->ReadInt("PRAGMA user_version"), 2);
  EXPECT_EQ(*Open()->ReadInt("SELECT age FROM dogs"), 3);
  // Another try keeps the first backup.
  ASSERT_TRUE(MigrateTo({kFirst, kSecond, kThird}).ok());
  EXPECT_TRUE(fs::exists(backup_ + "2"));
  EXPECT_TRUE(fs::exists(backup_ + "2-2"));
}

TEST_F(MigrationsTest, NewerAndCurrentFilesAreLeftAlone) {
  ASSERT_TRUE(MigrateTo({kFirst, kSecond}).ok());
  EXPECT_TRUE(MigrateTo({kFirst, kSecond}).ok());
  const absl::Status newer = MigrateTo({kFirst});
  EXPECT_TRUE(absl::IsFailedPrecondition(newer));
  EXPECT_THAT(std::string(newer.message()), HasSubstr("schema 2 is newer than this program's 1"));
  EXPECT_FALSE(fs::exists(backup_ + "2"));
}

TEST_F(MigrationsTest, WithoutABackupThereIsNoMigration) {
  ASSERT_TRUE(MigrateTo({kFirst}).ok());
  const std::vector<const char*> steps = {kFirst, kSecond};
  const absl::Status status =
      Migrate(*Open(), Migrations(steps), folder_.path() + "/no/such/folder/backup-");
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("the backup before the migration failed"));
  EXPECT_EQ(*Open()->ReadInt("PRAGMA user_version"), 1);
}

TEST_F(MigrationsTest, AReaderSaysWhatIsWrongWithAnOlderFile) {
  ASSERT_TRUE(MigrateTo({kFirst}).ok());
  EXPECT_TRUE(CheckSchema(*Open(), 1).ok());
  const absl::Status older = CheckSchema(*Open(), 2);
  EXPECT_TRUE(absl::IsFailedPrecondition(older));
  EXPECT_THAT(std::string(older.message()), HasSubstr("schema 1 is older than this program's 2"));
}

}  // namespace
}  // namespace vizsla
