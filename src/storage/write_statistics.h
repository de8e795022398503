// What a store has committed since it was opened.
#pragma once

#include <cstdint>

#include "src/base/histogram.h"

namespace vizsla {

struct WriteStatistics {
  HistogramSnapshot commit_seconds;  // of the commits alone: what the disk takes to be sure
  HistogramSnapshot group_sizes;     // changes that shared a commit
  uint64_t failed_commits = 0;
};

}  // namespace vizsla
