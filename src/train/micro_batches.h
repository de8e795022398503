// How many rows a rank computes at once. Pure; value type.
//
// A step whose rows do not fit into memory at once is computed in parts whose gradients accumulate:
// the same global batch, and the same gradient within rounding. Dropout masks are of rows and do
// not change. Batch norms that learn the statistics of the batch are another computation: each part
// normalises by its own rows (over all ranks, where they are synchronised), and moves the running
// statistics once.
#pragma once

#include <cstdint>
#include <functional>

#include "src/train/streams.h"

namespace vizsla {

enum class OnOutOfMemory {
  kHalve,       // compute half as many rows at once, on all ranks, and repeat the step
  kInfeasible,  // end the trial
};

struct MemoryPolicy {
  int64_t micro_batch = 0;  // rows that a rank computes at once; 0: all of its share
  OnOutOfMemory on_out_of_memory = OnOutOfMemory::kHalve;
  // Tests inject failures here: called before each forward and each backward pass of a part, with
  // its rows. Null: nothing.
  std::function<void(int64_t rows, bool is_backward)> before_pass;
};

// Every rank of a group has the same one and makes as many parts of a step, also of fewer rows (or
// of none): they vote in each.
class MicroBatches {
 public:
  // 0: no limit.
  explicit MicroBatches(int64_t rows_at_once = 0) : rows_at_once_(rows_at_once) {}

  int64_t rows_at_once() const { return rows_at_once_; }
  // Parts of a step of `global_count` rows that `ranks` divide evenly; at least 1.
  int64_t Parts(int64_t global_count, int ranks) const {
    const int64_t share = LargestShare(global_count, ranks);
    return rows_at_once_ == 0 || share == 0 ? 1 : (share + rows_at_once_ - 1) / rows_at_once_;
  }
  // Part `part` of `parts` of a rank's own rows, which are numbered from 0.
  static RowRange Part(int64_t rows, int64_t part, int64_t parts) {
    return {rows * part / parts, rows * (part + 1) / parts};
  }
  // Half as many rows at once; false, and nothing, when it is one already.
  bool Halve(int64_t global_count, int ranks) {
    int64_t rows = LargestShare(global_count, ranks);
    if (rows_at_once_ > 0 && rows_at_once_ < rows) rows = rows_at_once_;
    if (rows <= 1) return false;
    rows_at_once_ = (rows + 1) / 2;
    return true;
  }

 private:
  static int64_t LargestShare(int64_t global_count, int ranks) {
    return (global_count + ranks - 1) / ranks;
  }
  int64_t rows_at_once_;
};

}  // namespace vizsla
