#include "src/train/feature_costs.h"

#include <gtest/gtest.h>

#include <fstream>

#include "src/base/file.h"

namespace vizsla {
namespace {

FeatureCosts Costs() {
  return {.compute_seconds = 0.8e-3,
          .write_seconds = 0.3e-3,
          .read_seconds = 0.1e-3,
          .missing_rows = 20000,
          .rows_an_epoch = 10000,
          .epochs = 30};
}

TEST(ChooseFeatures, ComparesWhatAllEpochsTake) {
  const FeatureChoice choice = ChooseFeatures(Costs());
  EXPECT_TRUE(choice.store);
  EXPECT_DOUBLE_EQ(choice.stored_seconds, 20000 * 1.1e-3 + 300000 * 0.1e-3);
  EXPECT_DOUBLE_EQ(choice.recomputed_seconds, 300000 * 0.8e-3);
}

TEST(ChooseFeatures, SlowReadingDoesNotPay) {
  FeatureCosts costs = Costs();
  costs.read_seconds = 0.9e-3;
  EXPECT_FALSE(ChooseFeatures(costs).store);
  costs.missing_rows = 0;
  EXPECT_FALSE(ChooseFeatures(costs).store) << "not even when all is there";
}

TEST(ChooseFeatures, FewEpochsDoNotPayForTheWriting) {
  FeatureCosts costs = Costs();
  costs.epochs = 3;
  EXPECT_FALSE(ChooseFeatures(costs).store);
  costs.epochs = 4;
  EXPECT_TRUE(ChooseFeatures(costs).store);
  costs.epochs = 3;
  costs.missing_rows = 10000;
  EXPECT_TRUE(ChooseFeatures(costs).store) << "half of it is there";
}

TEST(ChooseFeatures, StoresWhenItCostsTheSame) {
  EXPECT_TRUE(
      ChooseFeatures({.compute_seconds = 1, .missing_rows = 5, .rows_an_epoch = 5, .epochs = 1})
          .store);
}

TEST(DescribeChoice, IsOneLineOfNumbers) {
  const FeatureCosts costs = Costs();
  EXPECT_EQ(
      DescribeChoice("before-block_13_expand", 1'200'000'000, 20000, costs, ChooseFeatures(costs)),
      "features before-block_13_expand: 1.20 GB for 20000 rows; 0.80 ms a row to compute, "
      "0.30 to write, 0.10 to read, 30 epochs: stored (52 s, recomputed 240 s)");
  FeatureCosts slow = Costs();
  slow.read_seconds = 1e-3;
  EXPECT_EQ(DescribeChoice("x", 5'000'000, 1, slow, ChooseFeatures(slow)),
            "features x: 5.00 MB for 1 rows; 0.80 ms a row to compute, 0.30 to write, 1.00 to "
            "read, 30 epochs: computed for every batch (240 s, stored 322 s)");
}

TEST(ReadSeconds, AreTheDisksWhenMemoryDoesNotHoldAll) {
  const ReadRates rates = {.disk_bytes_per_second = 100, .memory_bytes_per_second = 1000};
  EXPECT_DOUBLE_EQ(ReadSeconds(50, 2000, 2000, rates), 0.05);
  EXPECT_DOUBLE_EQ(ReadSeconds(50, 2001, 2000, rates), 0.5);
}

TEST(MeasureReadRates, ReadsTheWholeFile) {
  const auto folder = TemporaryDirectory::Create();
  ASSERT_TRUE(folder.ok());
  const std::string path = folder->path() + "/rows";
  ASSERT_TRUE(WriteFileAtomically(path, std::string(size_t{8} << 20, 'x')).ok());
  const auto rates = MeasureReadRates(path);
  ASSERT_TRUE(rates.ok()) << rates.status();
  for (const double rate : {rates->disk_bytes_per_second, rates->memory_bytes_per_second}) {
    EXPECT_GT(rate, 1e5);
    EXPECT_LT(rate, 1e13);
  }
  EXPECT_EQ(MeasureReadRates(path + "-absent").status().code(), absl::StatusCode::kNotFound);
}

TEST(AvailableMemory, IsThisMachines) {
  EXPECT_GT(AvailableMemory(), uint64_t{1} << 20);
  EXPECT_LT(AvailableMemory(), uint64_t{1} << 50);
}

}  // namespace
}  // namespace vizsla
