// `vizsla-dataset synthesize`: a data set out of nothing, for trying things and for tests.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "src/base/status.h"

namespace vizsla {

struct SynthesizeOptions {
  std::string folder;
  int classes = 8;     // 2 to kMaxSceneClasses
  int per_class = 60;  // labelled photos
  int size = 96;       // each side is between this and 5/3 of it
  uint64_t seed = 42;
  int threads = 1;
  std::function<void(size_t, size_t)> progress;  // (done, total) photos; may be empty
};

struct SynthesizedDataset {
  size_t labelled = 0;
  size_t unlabelled = 0;  // a tenth as many, in test/
};

// Writes Kaggle's layout: train/ID.jpg, test/ID.jpg, labels.csv, sample_submission.csv. A function
// of the options. AlreadyExists when the folder is not empty; InvalidArgument names an option that
// is out of range.
absl::StatusOr<SynthesizedDataset> Synthesize(const SynthesizeOptions& options);

}  // namespace vizsla
