// On the real photos of ../shared/data (or VIZSLA_REAL_DATA), straight from the zip.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "src/dataset/index.h"
#include "src/dataset/split.h"

namespace vizsla {
namespace {

std::string RealZip() {
  const char* folder = std::getenv("VIZSLA_REAL_DATA");
  return std::string(folder != nullptr ? folder : VIZSLA_SOURCE_DIR "/../shared/data") +
         "/dog-breeds.zip";
}

TEST(RealDatasetTest, IndexAndSplitAreTheCampaigns) {
  if (!std::filesystem::exists(RealZip())) {
    GTEST_SKIP() << "no real photos at " << RealZip() << "; set VIZSLA_REAL_DATA to their folder";
  }
  const auto index = IndexDataset(RealZip());
  ASSERT_TRUE(index.ok()) << index.status();
  EXPECT_EQ(index->photos.size(), 10222u);
  EXPECT_EQ(index->unlabelled.size(), 1200u);
  EXPECT_EQ(index->classes.size(), 120u);
  EXPECT_EQ(index->submission_columns.size(), 120u);
  const auto again = IndexDataset(RealZip());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(index->fingerprint, again->fingerprint);
  std::vector<Problem> problems;
  const auto split = MakeSplit(*index, {}, &problems);
  ASSERT_TRUE(split.ok()) << split.status();
  EXPECT_TRUE(problems.empty());
  EXPECT_EQ(split->test.size(), 1023u);
  EXPECT_EQ(split->validation.size(), 736u);
  EXPECT_EQ(split->train.size(), 8463u);
  RecordProperty("fingerprint", index->fingerprint);
}

}  // namespace
}  // namespace vizsla
