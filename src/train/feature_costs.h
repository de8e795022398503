// Whether it pays to store what a frozen prefix gives, or to compute it again for every batch: rows
// cut out of the middle of a backbone may be so large that reading them takes longer. Pure, but for
// the measurements at the end. The results of a trial do not depend on the choice.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "src/base/status.h"

namespace vizsla {

// How features are kept.
enum class FeatureStorage {
  // As ChooseFeatures says, where it is not plain: rows cut out of a backbone, drawn views.
  kMeasured,
  kStored,      // always
  kRecomputed,  // as if storing had been measured to cost more
};

struct FeatureCosts {
  double compute_seconds = 0;  // a row: its pixels, and the frozen prefix
  double write_seconds = 0;    // a row
  double read_seconds = 0;     // a row
  uint64_t missing_rows = 0;   // not stored yet
  uint64_t rows_an_epoch = 0;  // of training and validation
  double epochs = 0;           // of all trials that are expected to read them
};

struct FeatureChoice {
  bool store = true;
  double stored_seconds = 0;      // in all: what is missing computed and written, every epoch read
  double recomputed_seconds = 0;  // in all: every epoch computed
};

// The cheaper way; storing, when they cost the same.
FeatureChoice ChooseFeatures(const FeatureCosts& costs);

// "features before-block_13_expand: 1.20 GB for 17662 rows; 0.80 ms a row to compute, 0.30 to
// write, 0.10 to read, 30 epochs: stored (17 s, recomputed 424 s)".
std::string DescribeChoice(std::string_view content, uint64_t bytes, uint64_t rows,
                           const FeatureCosts& costs, const FeatureChoice& choice);

struct ReadRates {
  double disk_bytes_per_second = 0;
  double memory_bytes_per_second = 0;  // out of the page cache
};

// From the disk when all of it does not fit into the memory that is available.
double ReadSeconds(uint64_t row_bytes, uint64_t all_bytes, uint64_t available_memory,
                   const ReadRates& rates);

// Reads the file twice, without the page cache and with it. It must be durable and not yet read
// through a mapping, which would hold its pages in memory. Blocks.
absl::StatusOr<ReadRates> MeasureReadRates(const std::string& path);

// Bytes that the page cache may take without anything being swapped out; the smaller of the
// machine's and of this process's control group, when it has a limit.
uint64_t AvailableMemory();

}  // namespace vizsla
